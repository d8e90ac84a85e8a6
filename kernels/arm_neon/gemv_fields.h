/* Layout fields, one token: the frame around the inner loop of an instruction set. */
#ifndef LW_NEON_GEMV_FIELDS_H
#define LW_NEON_GEMV_FIELDS_H

#include <stdbool.h>

#include "fields.h"

/* sums + codes * x over `blocks` column tiles of one row tile; bits is a constant. */
typedef lw_row_sums lw_add_tiles(lw_row_sums sums, const uint8_t *tiles, const int8_t *x,
                                 int32_t blocks, const int bits);

/* `same` is the number of column tiles in every group, a constant, or 0 where they differ or have
 * zero points. */
LW_INLINE void lw_gemv_fields_groups(const int bits, const int32_t same, const lw_matrix *matrix,
                                     const lw_q8 *x, float *y, int32_t tile_begin, int32_t tile_end,
                                     lw_add_tiles *add_tiles) {
    lw_matrix known = *matrix; /* and what is constant in it */
    const lw_matrix *const w = &known;
    known.bits = bits;
    if (same > 0) {
        known.group = same * LW_BLOCK_COLS;
        known.zeros = NULL;
    }
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
            const int32_t count = same > 0 ? same : lw_min_i32(group_blocks, blocks - block);
            const int32_t x_sum = lw_x_sum(x->sums, block, block + count);
            lw_row_sums sums = lw_row_sums_zero();
            if (bits > 1) { /* sums that begin with what is subtracted cost no more */
                sums = lw_value_sums(sums, w, zeros, scale, lw_signed_less(w), x_sum);
            }
            sums = add_tiles(sums, tiles, x->codes + block * LW_BLOCK_COLS, count, bits);
            if (bits == 1) {
                sums = lw_value_sums(sums, w, zeros, scale, 0, x_sum);
            }
            acc = lw_add_group(acc, w, scales, scale, sums);
            tiles += (size_t)count * tile_bytes;
            block += count;
        }
        const int32_t row = tile * LW_FIELDS_ROWS;
        lw_store_rows(y + row, w->rows - row, acc, x->scales[0]);
    }
}

/* Groups of the usual sizes have loops of their own without branches: at 4 bits, 32 columns a
 * group, that takes a third of the modelled cycles. */
LW_INLINE void lw_gemv_fields_bits(const int bits, const lw_matrix *w, const lw_q8 *x, float *y,
                                   int32_t tile_begin, int32_t tile_end, lw_add_tiles *add_tiles) {
    const int32_t group_blocks = lw_group_blocks(w);
    const bool same = w->group != 0 && w->zeros == NULL && lw_blocks(w) % group_blocks == 0;
    switch (same ? group_blocks : 0) {
    case 1:
        lw_gemv_fields_groups(bits, 1, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    case 2:
        lw_gemv_fields_groups(bits, 2, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    case 4:
        lw_gemv_fields_groups(bits, 4, w, x, y, tile_begin, tile_end, add_tiles);
        break;
    default:
        lw_gemv_fields_groups(bits, 0, w, x, y, tile_begin, tile_end, add_tiles);
        break;
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
