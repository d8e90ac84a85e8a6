/* What every kernel on a packed matrix needs besides its codes: offsets, scales and the edge of y.
 */
#ifndef LW_AVX512_MATRIX_H
#define LW_AVX512_MATRIX_H

#include "vec.h"

/* Accumulators that live in a loop have the element type of their addition: as __m512i, gcc keeps
 * a second copy of each one, and with two dozen of them those go through memory. */
typedef int32_t lw_i32x16 __attribute__((vector_size(64)));
typedef uint16_t lw_u16x32 __attribute__((vector_size(64)));
typedef int8_t lw_i8x64 __attribute__((vector_size(64)));
typedef uint8_t lw_u8x64 __attribute__((vector_size(64)));

/* sum + products of four unsigned codes with four activations, in every lane. */
LW_INLINE lw_i32x16 lw_dot4(lw_i32x16 sum, __m512i codes, int32_t four) {
    return (lw_i32x16)_mm512_dpbusd_epi32((__m512i)sum, codes, _mm512_set1_epi32(four));
}

LW_INLINE int32_t lw_ceil_div(int32_t a, int32_t b) {
    return (a + b - 1) / b;
}

LW_INLINE int32_t lw_min_i32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

/* The activations from token t on. */
LW_INLINE lw_q8 lw_q8_from(const lw_q8 *x, int32_t t) {
    const size_t stride = (size_t)x->stride;
    return (lw_q8){x->codes + (size_t)t * stride, x->sums + (size_t)t * (stride / LW_SUM_COLS),
                   x->scales + t, x->stride};
}

/* Where an integer sum of unsigned codes over columns [begin, end) starts: -offset * sum(x), so
 * that it ends as the sum of signed values. begin is a multiple of LW_SUM_COLS; past the last
 * column activations are zero. */
LW_INLINE int32_t lw_sum_start(int32_t offset, const int32_t *sums, int32_t begin, int32_t end) {
    int32_t sum = 0;
    for (int32_t i = begin / LW_SUM_COLS; i < lw_ceil_div(end, LW_SUM_COLS); i++) {
        sum += sums[i];
    }
    return -offset * sum;
}

/* Scales of 16 rows, from element i of w->scales on. */
LW_INLINE __m512 lw_scales(const lw_matrix *w, size_t i) {
    if (w->group == 0) {
        return _mm512_load_ps((const float *)w->scales + i);
    }
    return _mm512_cvtph_ps(_mm256_load_si256((const void *)((const uint16_t *)w->scales + i)));
}

/* Zero points of 16 rows, from element i of w->zeros on. */
LW_INLINE __m512i lw_zeros(const lw_matrix *w, size_t i) {
    return _mm512_cvtepu8_epi32(_mm_load_si128((const void *)(w->zeros + i)));
}

/* Where the sums of a group start for 16 rows: minus zero * x_sum. Zero points are multiplied as
 * words, |x_sum| <= 128 * 127 < 2^15; their upper words are 0. */
LW_INLINE __m512i lw_zero_starts(const lw_matrix *w, size_t i, int32_t x_sum) {
    return w->zeros != NULL ? _mm512_madd_epi16(lw_zeros(w, i), _mm512_set1_epi32(-x_sum))
                            : _mm512_set1_epi32(-w->offset * x_sum);
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
