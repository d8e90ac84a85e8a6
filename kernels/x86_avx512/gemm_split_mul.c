/* Layout split, many tokens: four row tiles of 16 rows are joined from their parts into a panel
 * (gemm.h). */
#include "../kernels.h"
#include "gemm.h"
#include "split.h"

/* `count` row tiles from `tile` on; the vectors of the other row tiles become zero. */
static void unpack(uint8_t *panel, const lw_matrix *w, const lw_split *s, int32_t tile,
                   int32_t count) {
    for (int32_t r = 0; r < LW_PANEL_VECTORS; r++, panel += LW_SPLIT_VECTOR) {
        const lw_split_rows rows = lw_split_row_tile(w, s, tile + (r < count ? r : 0));
        for (int32_t g = 0; g < s->groups; g++) {
            lw_split_prefetch(s, rows.high, rows.low[0], g);
            __m512i code[LW_SPLIT_STEPS];
            lw_split_unpack(w, s, &rows, g, code);
#pragma GCC unroll 16
            for (int i = 0; i < LW_SPLIT_STEPS; i++) {
                const size_t step = (size_t)(g * LW_SPLIT_STEPS + i) * LW_PANEL_STEP;
                _mm512_store_si512(panel + step, r < count ? code[i] : _mm512_setzero_si512());
            }
        }
    }
}

void lw_gemm_split_mul_avx512(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                              size_t y_stride, int32_t tile_begin, int32_t tile_end,
                              void *scratch) {
    const lw_split s = lw_split_parts(w);
    const size_t row_scales = (size_t)s.groups * LW_SPLIT_ROWS;
    for (int32_t tile = tile_begin; tile < tile_end; tile += LW_PANEL_VECTORS) {
        const int32_t count = lw_min_i32(LW_PANEL_VECTORS, tile_end - tile);
        unpack(scratch, w, &s, tile, count);
        const lw_panel panel = {
            .w = w,
            .reader = &lw_panel_unpacked,
            .codes = scratch,
            .codes_vector = LW_SPLIT_VECTOR,
            .row = tile * LW_SPLIT_ROWS,
            .row_end = lw_min_i32(w->rows, (tile + count) * LW_SPLIT_ROWS),
            .vectors = count,
            .scale = (size_t)tile * row_scales,
            .scale_vector = row_scales,
            .scale_group = LW_SPLIT_ROWS,
        };
        lw_panel_multiply(&panel, x, tokens, y, y_stride);
    }
}
