/* What every kernel on a packed matrix needs besides its codes: offsets, scales and the edge of y.
 */
#ifndef LW_AVX512_MATRIX_H
#define LW_AVX512_MATRIX_H

#include "vec.h"

LW_INLINE int32_t lw_ceil_div(int32_t a, int32_t b) {
    return (a + b - 1) / b;
}

LW_INLINE int32_t lw_min_i32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

/* Where an integer sum of unsigned codes over columns [begin, end) starts: -offset * sum(x), so
 * that it ends as the sum of signed values. begin is a multiple of LW_SUM_COLS; past the last
 * column activations are zero. */
LW_INLINE __m512i lw_sum_start(int32_t offset, const int32_t *sums, int32_t begin, int32_t end) {
    int32_t sum = 0;
    for (int32_t i = begin / LW_SUM_COLS; i < lw_ceil_div(end, LW_SUM_COLS); i++) {
        sum += sums[i];
    }
    return _mm512_set1_epi32(-offset * sum);
}

/* Scales of 16 rows, from element i of w->scales on. */
LW_INLINE __m512 lw_scales(const lw_matrix *w, size_t i) {
    if (w->group == 0) {
        return _mm512_load_ps((const float *)w->scales + i);
    }
    return _mm512_cvtph_ps(_mm256_load_si256((const void *)((const uint16_t *)w->scales + i)));
}

/* acc + scale * (float)sum, each step rounded. */
LW_INLINE __m512 lw_add_scaled(__m512 acc, __m512 scale, __m512i sum) {
    return _mm512_add_ps(acc, _mm512_mul_ps(scale, _mm512_cvtepi32_ps(sum)));
}

/* y[row .. row + 16), as far as the matrix has rows. */
LW_INLINE void lw_store_rows(float *y, int32_t row, int32_t rows, __m512 value) {
    _mm512_mask_storeu_ps(y + row, lw_lanes(rows - row), value);
}

#endif
