/* Layout fields, many tokens: a row tile is unpacked once into the order of gemm.h, which is its
 * own order with one code in each byte. */
#ifndef LW_NEON_GEMM_FIELDS_H
#define LW_NEON_GEMM_FIELDS_H

#include "gemm.h"

LW_INLINE void lw_unpack_fields_bits(const uint8_t *tiles, int32_t blocks, const int bits,
                                     int8_t *codes) {
    for (int32_t block = 0; block < blocks; block++, tiles += LW_FIELDS_VECTOR * bits) {
#pragma GCC unroll 8
        for (int field = 0; field < LW_FIELDS; field++, codes += LW_STEP_BYTES) {
#pragma GCC unroll 4
            for (int quad = 0; quad < LW_ROW_QUADS; quad++) {
                const int8x16_t code = lw_field(tiles, quad, bits, field);
                vst1q_s8(codes + quad * 16, bits == 1 ? vaddq_s8(code, code) : code);
            }
        }
    }
}

static inline void lw_unpack_fields(const uint8_t *tiles, int32_t blocks, int32_t bits,
                                    int8_t *codes) {
    switch (bits) {
    case 1:
        lw_unpack_fields_bits(tiles, blocks, 1, codes);
        break;
    case 2:
        lw_unpack_fields_bits(tiles, blocks, 2, codes);
        break;
    case 3:
        lw_unpack_fields_bits(tiles, blocks, 3, codes);
        break;
    case 4:
        lw_unpack_fields_bits(tiles, blocks, 4, codes);
        break;
    case 5:
        lw_unpack_fields_bits(tiles, blocks, 5, codes);
        break;
    case 6:
        lw_unpack_fields_bits(tiles, blocks, 6, codes);
        break;
    case 7:
        lw_unpack_fields_bits(tiles, blocks, 7, codes);
        break;
    default:
        lw_unpack_fields_bits(tiles, blocks, 8, codes);
        break;
    }
}

LW_INLINE void lw_gemm_fields(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                              size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch,
                              lw_multiply_rows *multiply) {
    const int32_t blocks = lw_blocks(w);
    const size_t row_tile = (size_t)blocks * (size_t)w->bits * LW_FIELDS_VECTOR;
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const int32_t row = tile * LW_FIELDS_ROWS;
        lw_unpack_fields(w->codes + (size_t)tile * row_tile, blocks, w->bits, scratch);
        const lw_row_block rows = {scratch, lw_tile_scales(w, LW_FIELDS_ROWS, tile, 0),
                                   lw_tile_zeros(w, LW_FIELDS_ROWS, tile, 0), LW_FIELDS_ROWS,
                                   w->rows - row};
        multiply(w, &rows, x, tokens, y + row, y_stride);
    }
}

#endif
