/* Layouts with row tiles of 64, many tokens: four blocks of 16 rows, each unpacked once into the
 * order of gemm.h. */
#ifndef LW_NEON_GEMM_TILES_H
#define LW_NEON_GEMM_TILES_H

#include "gemm.h"

enum { LW_TILE_ROWS = 64 };

/* Unpack 16 rows of a row tile; `packed` points at their first byte. */
typedef void lw_unpack_rows(const lw_matrix *w, const uint8_t *packed, int8_t *codes);

LW_INLINE void lw_gemm_tiles(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                             size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch,
                             size_t row_tile_bytes, lw_unpack_rows *unpack,
                             lw_multiply_rows *multiply) {
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const uint8_t *packed = w->codes + (size_t)tile * row_tile_bytes;
        for (int32_t row = 0; row < LW_TILE_ROWS; row += LW_BLOCK_ROWS) {
            const int32_t first = tile * LW_TILE_ROWS + row;
            const lw_row_block rows = {scratch, lw_tile_scales(w, LW_TILE_ROWS, tile, row),
                                       lw_tile_zeros(w, LW_TILE_ROWS, tile, row), LW_TILE_ROWS,
                                       w->rows - first};
            if (rows.rows > 0) {
                unpack(w, packed + row, scratch);
                multiply(w, &rows, x, tokens, y + first, y_stride);
            }
        }
    }
}

#endif
