/* Layout split, a row and group at a time, by the address formulas of runtime/FORMAT.md, "Layouts".
 */
#ifndef LW_SCALAR_SPLIT_H
#define LW_SCALAR_SPLIT_H

#include "../split.h"
#include "matmul.h"

/* Columns of group g that exist. */
static inline int32_t lw_split_cols(const lw_matrix *w, int32_t g) {
    return lw_min_i32(w->cols - g * LW_SPLIT_BLOCK_COLS, LW_SPLIT_BLOCK_COLS);
}

/* The scale of group g of row n of the matrix. */
static inline float lw_split_scale(const lw_matrix *w, int32_t n, int32_t g) {
    return lw_scale(w, lw_group_row(w, LW_SPLIT_ROWS, n / LW_SPLIT_ROWS, g, n % LW_SPLIT_ROWS));
}

/* High part of the code in column k of row n of the matrix. */
static inline uint32_t lw_split_high(const lw_split *s, int32_t n, int32_t k) {
    const uint8_t *tile = s->high + (size_t)(n / LW_SPLIT_ROWS) * s->row_tile +
                          (size_t)(k / LW_SPLIT_COLS) * LW_SPLIT_TILE;
    return lw_code_fields(tile, LW_SPLIT_HIGH_BITS, n % LW_SPLIT_ROWS, k % LW_SPLIT_COLS);
}

/* Low part of the code in column k of row n. */
static inline uint32_t lw_split_low(const lw_split *s, int32_t n, int32_t k) {
    const uint8_t *block =
        s->low + (size_t)n * s->low_stride + (size_t)(k / LW_SPLIT_BLOCK_COLS) * LW_SPLIT_BLOCK;
    const int32_t kk = k % LW_SPLIT_BLOCK_COLS;
    const uint32_t bits01 = ((uint32_t)block[kk % 16] >> (kk / 16 * 2)) & 3u;
    return bits01 | (((uint32_t)block[16 + kk % 8] >> (kk / 8)) & 1u) << 2;
}

/* The codes of group g of row n. Modulo 64, so that bytes which no packer writes give codes too. */
static inline void lw_split_codes(const lw_matrix *w, const lw_split *s, int32_t n, int32_t g,
                                  uint8_t codes[LW_SPLIT_BLOCK_COLS]) {
    const int32_t count = lw_split_cols(w, g);
    for (int32_t i = 0; i < count; i++) {
        const int32_t k = g * LW_SPLIT_BLOCK_COLS + i;
        const uint32_t stored = lw_split_high(s, n, k) << 3 | lw_split_low(s, n, k);
        codes[i] = (uint8_t)((stored - s->dither[k]) & 63u);
    }
}

/* acc + scale * (float)(sum of values times x), for group g of row n with these codes. */
static inline float lw_split_add_group(float acc, const lw_matrix *w, int32_t n, int32_t g,
                                       const uint8_t *codes, const int8_t *x, const int32_t *sums) {
    const int32_t begin = g * LW_SPLIT_BLOCK_COLS;
    const int32_t count = lw_split_cols(w, g);
    const int32_t sum =
        lw_dot(codes, x + begin, count) - w->offset * lw_x_sum(sums, begin, begin + count);
    return acc + lw_split_scale(w, n, g) * (float)sum;
}

#endif
