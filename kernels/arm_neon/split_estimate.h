/* Estimates and radii of rows from their high parts: the product of a layout fields of 3 bits, and
 * a sum of squares beside it. */
#ifndef LW_NEON_SPLIT_ESTIMATE_H
#define LW_NEON_SPLIT_ESTIMATE_H

#include "gemv_fields.h"
#include "split.h"

LW_INLINE void lw_split_estimate(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                                 float *estimate, float *radius, int32_t tile_begin,
                                 int32_t tile_end, lw_add_tiles *add_tiles) {
    const lw_split s = lw_split_parts(w);
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const uint8_t *high = s.high + (size_t)tile * s.row_tile;
        const void *scales = lw_tile_scales(w, LW_SPLIT_ROWS, tile, 0);
        const int32_t row = tile * LW_SPLIT_ROWS;
        lw_row_floats twice = lw_row_floats_zero();
        lw_row_floats square = lw_row_floats_zero();
        for (int32_t g = 0; g < s.groups; g++, high += 2 * LW_SPLIT_TILE) {
            const lw_row_sums sums =
                add_tiles(lw_row_sums_zero(), high, x->codes + g * LW_SPLIT_BLOCK_COLS,
                          lw_split_blocks(w, g), LW_SPLIT_HIGH_BITS);
            const int32x4_t start = vdupq_n_s32(groups[g].high_start);
            for (int i = 0; i < LW_ROW_QUADS; i++) {
                const size_t index = (size_t)g * LW_SPLIT_ROWS + 4 * (size_t)i;
                const float32x4_t scale = lw_load_scales(w, scales, index);
                const int32x4_t sum = vaddq_s32(vshlq_n_s32(sums.q[i], 4), start);
                const float32x4_t energy = vmulq_n_f32(vmulq_f32(scale, scale), groups[g].energy);
                twice.q[i] = vaddq_f32(twice.q[i], vmulq_f32(scale, vcvtq_f32_s32(sum)));
                square.q[i] = vaddq_f32(square.q[i], energy);
            }
        }
        for (int i = 0; i < LW_ROW_QUADS; i++) {
            square.q[i] = vsqrtq_f32(square.q[i]);
        }
        lw_store_rows(estimate + row, w->rows - row, twice, 0.5f);
        lw_store_rows(radius + row, w->rows - row, square, 1.0f);
    }
}

#endif
