/* Many tokens: the frame around the inner loop of an instruction set. Each layout unpacks blocks of
 * 16 rows, once for all tokens:
 *
 *   codes   [k / 4][16 rows][4 columns] signed bytes, those of 8 bits minus 128, those of 1 bit
 *           doubled (lw_code_step); a step is 4 columns
 */
#ifndef LW_NEON_GEMM_H
#define LW_NEON_GEMM_H

#include "fields.h"

enum { LW_GEMM_TOKENS = 8 }; /* most that a product takes at once */

/* 16 rows of a row tile, unpacked. */
typedef struct {
    int8_t *codes;        /* 16 * round_up(cols, 32) bytes; behind the last column x is 0 */
    const void *scales;   /* of its first row in group 0, see lw_tile_scales */
    const uint8_t *zeros; /* alike, or NULL */
    size_t tile_rows;     /* scales from one group to the next */
    int32_t rows;         /* that exist, 1 at least; may be above 16 */
} lw_row_block;

/* y of 16 rows for all tokens; y points at the first row. May rearrange the codes. */
typedef void lw_multiply_rows(const lw_matrix *w, const lw_row_block *rows, const lw_q8 *x,
                              int32_t tokens, float *y, size_t y_stride);

/* sums[token] += codes * x over `blocks` tiles of 32 columns; tokens is a constant, `stride` the
 * bytes from one token's x to the next; codes are at most those of `bits` bits. */
typedef void lw_add_blocks(lw_row_sums *sums, const int8_t *codes, const int8_t *x, size_t stride,
                           int32_t blocks, const int tokens, int bits);

/* Unpacked codes of 1 bit are doubled. */
LW_INLINE int lw_unpacked_bits(const lw_matrix *w) {
    return w->bits == 1 ? 2 : w->bits;
}

/* y of 16 rows for tokens [token, token + tokens), where a row has one scale. */
LW_INLINE void lw_gemm_tokens(const int tokens, const lw_matrix *w, const lw_row_block *rows,
                              const lw_q8 *x, int32_t token, float *y, size_t y_stride,
                              lw_add_blocks *add_blocks) {
    const int32_t blocks = lw_blocks(w);
    const size_t stride = (size_t)x->stride;
    const int32_t *x_sums = x->sums + (size_t)token * (stride / LW_SUM_COLS);
    lw_row_sums sums[LW_GEMM_TOKENS];
    for (int t = 0; t < tokens; t++) {
        sums[t] = lw_row_sums_zero();
    }
    add_blocks(sums, rows->codes, x->codes + (size_t)token * stride, stride, blocks, tokens,
               lw_unpacked_bits(w));
    for (int t = 0; t < tokens; t++) {
        const int32_t x_sum = lw_x_sum(x_sums + (size_t)t * (stride / LW_SUM_COLS), 0, blocks);
        sums[t] = lw_row_sums_less(sums[t], (w->offset - lw_signed_less(w)) * x_sum);
        const lw_row_floats acc = lw_add_group(lw_row_floats_zero(), w, rows->scales, 0, sums[t]);
        lw_store_rows(y + (size_t)(token + t) * y_stride, rows->rows, acc, x->scales[token + t]);
    }
}

/* For all tokens, four at once, then one by one. */
LW_INLINE void lw_gemm_by_four(const lw_matrix *w, const lw_row_block *rows, const lw_q8 *x,
                               int32_t tokens, float *y, size_t y_stride,
                               lw_add_blocks *add_blocks) {
    int32_t t = 0;
    for (; t + 4 <= tokens; t += 4) {
        lw_gemm_tokens(4, w, rows, x, t, y, y_stride, add_blocks);
    }
    if (t + 2 <= tokens) {
        lw_gemm_tokens(2, w, rows, x, t, y, y_stride, add_blocks);
        t += 2;
    }
    if (t < tokens) {
        lw_gemm_tokens(1, w, rows, x, t, y, y_stride, add_blocks);
    }
}

#endif
