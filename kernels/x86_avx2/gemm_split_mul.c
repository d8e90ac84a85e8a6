/* Layout split, many tokens: a row tile is joined from its parts once, then multiplied with every
 * token. */
#include "../kernels.h"
#include "split.h"
#include "tokens.h"

LW_BLOCK_READER(unpacked, 6, false)

void lw_gemm_split_mul_avx2(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                            size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    const lw_split s = lw_split_parts(w);
    uint8_t *codes = scratch;
    for (int32_t t = 0; t < tokens; t += LW_START_TOKENS) {
        const int32_t count = lw_min_i32(tokens - t, LW_START_TOKENS);
        const lw_tokens some =
            lw_tokens_from(w, x, t, count, y, y_stride, lw_starts_of(scratch, x));
        for (int32_t tile = tile_begin; tile < tile_end; tile++) {
            const lw_split_rows parts = lw_split_row_tile(w, &s, tile);
            for (int32_t g = 0; g < s.groups; g++) {
                lw_split_unpack(w, &s, &parts, g, codes + (size_t)g * LW_SPLIT_CODES);
            }
            const int32_t row = tile * LW_SPLIT_ROWS;
            const lw_row_block rows = {codes, lw_tile_scales(w, LW_SPLIT_ROWS, tile, 0), NULL,
                                       LW_SPLIT_ROWS, w->rows - row};
            lw_multiply_rows(unpacked, w, &rows, &some, count, row);
        }
    }
}
