/* What the integer kernels share: groups, scales, and the two ways from bytes to exact 32-bit sums.
 *
 * VPMADDUBSW adds two products u8 * s8 and saturates at 16 bits. With |x| <= 127 and codes below
 * 2^b one result is at most 2 * 127 * (2^b - 1), so sums of lw_exact_run(b) results stay exact:
 *
 *   - b = 1 and 2: at most 508 (codes 0 and 2) and 762; a run of 32 reaches 24384
 *   - b = 3: 1778, a run of 16 reaches 28448
 *   - b = 4: 3810, a run of 8 reaches 30480
 *   - b = 5: 7874, a run of 4 reaches 31496
 *   - b = 6: 16002, a run of 2 reaches 32004
 *   - b = 7: 32258, no run
 *
 * With b = 8 one result could be 64770; code - 128 is used instead, as magnitude times x with the
 * sign moved to x: at most 2 * 127 * 128 = 32512, no run.
 */
#ifndef LW_AVX2_CODES_H
#define LW_AVX2_CODES_H

#include "simd.h"

enum { LW_BLOCK_COLS = 32 }; /* columns of a tile of fields and planes; every group is a multiple */

/* Results of VPMADDUBSW that fit a 16-bit sum: see above. */
LW_INLINE int lw_exact_run(const int bits) {
    return bits <= 2 ? 32 : bits == 8 ? 1 : 1 << (7 - bits);
}

/* sums + products, in this order: gcc would add a long chain up as a tree, whose leaves exceed the
 * registers. */
LW_INLINE __m256i lw_add_words(__m256i sums, __m256i products) {
    sums = _mm256_add_epi16(sums, products);
    __asm__("" : "+x"(sums));
    return sums;
}

/* The same in 32 bits, of pairs of words. */
LW_INLINE __m256i lw_add_pairs_of_words(__m256i sums, __m256i words) {
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
    __asm__("" : "+x"(sums));
    return sums;
}

LW_INLINE int32_t lw_min_i32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

LW_INLINE int32_t lw_group_cols(const lw_matrix *w) {
    return w->group != 0 ? w->group : w->cols;
}

/* Column tiles of 32 in a row. */
LW_INLINE int32_t lw_blocks(const lw_matrix *w) {
    return (int32_t)(((uint32_t)w->cols + LW_BLOCK_COLS - 1) / LW_BLOCK_COLS);
}

/* Column tiles of 32 that share a scale. */
LW_INLINE int32_t lw_group_blocks(const lw_matrix *w) {
    return w->group != 0 ? w->group / LW_BLOCK_COLS : lw_blocks(w);
}

/* Sum of x over the column tiles [begin, end). */
LW_INLINE int32_t lw_x_sum(const int32_t *sums, int32_t begin, int32_t end) {
    int32_t sum = 0;
    for (int32_t i = begin; i < end; i++) {
        sum += sums[i];
    }
    return sum;
}

/* The scales of row `row` of row tile `tile` in group 0; those of group g follow g * tile_rows
 * elements later. */
LW_INLINE const void *lw_tile_scales(const lw_matrix *w, int32_t tile_rows, int32_t tile,
                                     int32_t row) {
    if (w->group == 0) {
        return (const float *)w->scales + (size_t)tile * (size_t)tile_rows + (size_t)row;
    }
    const size_t groups = ((size_t)w->cols + (size_t)w->group - 1) / (size_t)w->group;
    return (const uint16_t *)w->scales + (size_t)tile * groups * (size_t)tile_rows + (size_t)row;
}

/* The scales of 8 rows. */
LW_INLINE __m256 lw_load_scales(const lw_matrix *w, const void *scales, size_t index) {
    if (w->group == 0) {
        return _mm256_loadu_ps((const float *)scales + index);
    }
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)((const uint16_t *)scales + index)));
}

/* 4 activations in every dword. */
LW_INLINE __m256i lw_broadcast4(const int8_t *x) {
    int32_t dword;
    memcpy(&dword, x, sizeof dword);
    return _mm256_set1_epi32(dword);
}

/* 8-bit codes minus 128, times x: exact, see above. */
LW_INLINE __m256i lw_mul_signed(__m256i codes, __m256i x) {
    return _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(x, codes));
}

/* The zero points where lw_tile_scales has scales; NULL where the matrix has none. */
LW_INLINE const uint8_t *lw_tile_zeros(const lw_matrix *w, int32_t tile_rows, int32_t tile,
                                       int32_t row) {
    if (w->zeros == NULL) {
        return NULL;
    }
    const size_t groups = ((size_t)w->cols + (size_t)w->group - 1) / (size_t)w->group;
    return w->zeros + (size_t)tile * groups * (size_t)tile_rows + (size_t)row;
}

/* The zero points of 8 rows, minus `less`. */
LW_INLINE __m256i lw_load_zeros(const uint8_t *zeros, size_t index, int32_t less) {
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)(zeros + index));
    return _mm256_sub_epi32(_mm256_cvtepu8_epi32(bytes), _mm256_set1_epi32(less));
}

/* zero * x_sum, by the lower words alone: |x_sum| <= 128 * 127 < 2^15. */
LW_INLINE __m256i lw_mul_zeros(__m256i zero, int32_t x_sum) {
    return _mm256_madd_epi16(zero, _mm256_set1_epi32(x_sum & 0xffff));
}

/* What a group's sums of codes minus `less` are too large by, for 8 rows: (zero - less) * x_sum. */
LW_INLINE __m256i lw_zero_sums(const lw_matrix *w, const uint8_t *zeros, size_t index, int32_t less,
                               int32_t x_sum) {
    return zeros != NULL ? lw_mul_zeros(lw_load_zeros(zeros, index, less), x_sum)
                         : _mm256_set1_epi32((w->offset - less) * x_sum);
}

/* acc + scale * (float)sums: one group, in the order of runtime/FORMAT.md, "Numerics". */
LW_INLINE __m256 lw_add_scaled(__m256 acc, __m256 scale, __m256i sums) {
    return _mm256_add_ps(acc, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(sums)));
}

/* The same for sums that are `zero` too large. */
LW_INLINE __m256 lw_add_group(__m256 acc, __m256 scale, __m256i sums, __m256i zero) {
    return lw_add_scaled(acc, scale, _mm256_sub_epi32(sums, zero));
}

/* Store the first `count` of 8 results; count may be above 8, or below 1. */
LW_INLINE void lw_store_rows(float *y, int32_t count, __m256 v) {
    if (count >= 8) {
        _mm256_storeu_ps(y, v);
    } else if (count > 0) {
        _mm256_maskstore_ps(y, lw_mask(count), v);
    }
}

#endif
