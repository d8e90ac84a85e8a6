/* Layout split, one token: high and low parts of a group are joined (split.h) and multiplied as
 * whole codes. */
#ifndef LW_NEON_GEMV_SPLIT_H
#define LW_NEON_GEMV_SPLIT_H

#include "split.h"

LW_INLINE void lw_gemv_split(const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile_begin,
                             int32_t tile_end, lw_add_blocks *add_blocks) {
    const lw_split s = lw_split_parts(w);
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const void *scales = lw_tile_scales(w, LW_SPLIT_ROWS, tile, 0);
        const int32_t row = tile * LW_SPLIT_ROWS;
        lw_row_floats acc = lw_row_floats_zero();
        for (int32_t g = 0; g < s.groups; g++) {
            const int32_t blocks = lw_split_blocks(w, g);
            const int8_t *x_codes = x->codes + g * LW_SPLIT_BLOCK_COLS;
            const int32_t x_sum = lw_x_sum(x->sums, 2 * g, 2 * g + blocks);
            int8_t codes[LW_SPLIT_CODES];
            lw_row_sums sums = lw_row_sums_zero();
            lw_split_unpack(w, &s, tile, g, codes);
            add_blocks(&sums, codes, x_codes, 0, blocks, 1, w->bits);
            sums = lw_value_sums(sums, w, NULL, 0, 0, x_sum);
            acc = lw_add_group(acc, w, scales, (size_t)g * LW_SPLIT_ROWS, sums);
        }
        lw_store_rows(y + row, w->rows - row, acc, x->scales[0]);
    }
}

#endif
