/* Layout split, many tokens: a row tile is joined from its parts once, then multiplied with every
 * token. */
#ifndef LW_NEON_GEMM_SPLIT_H
#define LW_NEON_GEMM_SPLIT_H

#include "split.h"

LW_INLINE void lw_gemm_split(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                             size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch,
                             lw_multiply_rows *multiply) {
    const lw_split s = lw_split_parts(w);
    int8_t *codes = scratch;
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        for (int32_t g = 0; g < s.groups; g++) {
            lw_split_unpack(w, &s, tile, g, codes + (size_t)g * LW_SPLIT_CODES);
        }
        const int32_t row = tile * LW_SPLIT_ROWS;
        const lw_row_block rows = {codes, lw_tile_scales(w, LW_SPLIT_ROWS, tile, 0), NULL,
                                   LW_SPLIT_ROWS, w->rows - row};
        multiply(w, &rows, x, tokens, y + row, y_stride);
    }
}

#endif
