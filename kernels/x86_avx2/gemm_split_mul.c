/* Layout split, many tokens: a row tile is joined from its parts once, then multiplied with every
 * token. */
#include "../kernels.h"
#include "split.h"

void lw_gemm_split_mul_avx2(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                            size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    const lw_split s = lw_split_parts(w);
    uint8_t *codes = scratch;
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        for (int32_t g = 0; g < s.groups; g++) {
            lw_split_unpack(w, &s, tile, g, codes + (size_t)g * LW_SPLIT_CODES);
        }
        const int32_t row = tile * LW_SPLIT_ROWS;
        const lw_row_block rows = {codes, lw_tile_scales(w, LW_SPLIT_ROWS, tile, 0), NULL,
                                   LW_SPLIT_ROWS, w->rows - row};
        lw_gemm_rows(6, w, &rows, x, tokens, y + row, y_stride);
    }
}
