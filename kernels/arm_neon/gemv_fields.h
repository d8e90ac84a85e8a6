/* Layout fields, one token: the frame around the inner loop of an instruction set. */
#ifndef LW_NEON_GEMV_FIELDS_H
#define LW_NEON_GEMV_FIELDS_H

#include "fields.h"

/* sums + codes * x over `blocks` column tiles of one row tile; bits is a constant. */
typedef lw_row_sums lw_add_tiles(lw_row_sums sums, const uint8_t *tiles, const int8_t *x,
                                 int32_t blocks, const int bits);

LW_INLINE void lw_gemv_fields_bits(const int bits, const lw_matrix *w, const lw_q8 *x, float *y,
                                   int32_t tile_begin, int32_t tile_end, lw_add_tiles *add_tiles) {
    const int32_t blocks = lw_blocks(w);
    const int32_t group_blocks = lw_group_blocks(w);
    const size_t tile_bytes = (size_t)bits * LW_FIELDS_VECTOR;
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const uint8_t *tiles = w->codes + (size_t)tile * (size_t)blocks * tile_bytes;
        const void *scales = lw_tile_scales(w, LW_FIELDS_ROWS, tile, 0);
        const uint8_t *zeros = lw_tile_zeros(w, LW_FIELDS_ROWS, tile, 0);
        lw_row_floats acc = lw_row_floats_zero();
        size_t scale = 0;
        for (int32_t block = 0; block < blocks; scale += LW_FIELDS_ROWS) {
            const int32_t count = lw_min_i32(group_blocks, blocks - block);
            lw_row_sums sums =
                add_tiles(lw_row_sums_zero(), tiles, x->codes + block * LW_BLOCK_COLS, count, bits);
            const int32_t x_sum = lw_x_sum(x->sums, block, block + count);
            sums = lw_value_sums(sums, w, zeros, scale, lw_signed_less(w), x_sum);
            acc = lw_add_group(acc, w, scales, scale, sums);
            tiles += (size_t)count * tile_bytes;
            block += count;
        }
        const int32_t row = tile * LW_FIELDS_ROWS;
        lw_store_rows(y + row, w->rows - row, acc, x->scales[0]);
    }
}

/* For a width known at run time; one copy of the loops for each. */
LW_INLINE void lw_gemv_fields(const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile_begin,
                              int32_t tile_end, lw_add_tiles *add_tiles) {
    switch (w->bits) {
    case 1:
        lw_gemv_fields_bits(1, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    case 2:
        lw_gemv_fields_bits(2, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    case 3:
        lw_gemv_fields_bits(3, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    case 4:
        lw_gemv_fields_bits(4, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    case 5:
        lw_gemv_fields_bits(5, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    case 6:
        lw_gemv_fields_bits(6, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    case 7:
        lw_gemv_fields_bits(7, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    default:
        lw_gemv_fields_bits(8, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    }
}

#endif
