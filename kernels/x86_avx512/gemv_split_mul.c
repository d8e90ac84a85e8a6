/* Layout split, one token: high and low parts are joined in registers (split.h) and multiplied as
 * whole codes. The rows of a row tile are followed side by side in the low part. */
#include "../kernels.h"
#include "split.h"

enum { CHAINS = 4 };

static void gemv_tile(const lw_matrix *w, const lw_split *s, const lw_q8 *x, float *y,
                      int32_t tile) {
    const lw_split_rows rows = lw_split_row_tile(w, s, tile);
    size_t scale = (size_t)tile * (size_t)s->groups * LW_LANES;
    __m512 acc = _mm512_setzero_ps();
    for (int32_t g = 0; g < s->groups; g++, scale += LW_LANES) {
        const int32_t k = g * LW_SPLIT_BLOCK_COLS;
        const int32_t end = lw_min_i32(w->cols, k + LW_SPLIT_BLOCK_COLS);
        lw_split_prefetch(s, rows.high, rows.low[0], g);
        __m512i code[LW_SPLIT_STEPS];
        lw_split_unpack(w, s, &rows, g, code);
        lw_i32x16 part[CHAINS] = {
            (lw_i32x16)_mm512_set1_epi32(lw_sum_start(w->offset, x->sums, k, end))};
#pragma GCC unroll 16
        for (int i = 0; i < LW_SPLIT_STEPS; i++) {
            int32_t four;
            memcpy(&four, x->codes + k + i * 4, sizeof four);
            part[i % CHAINS] = lw_dot4(part[i % CHAINS], code[i], four);
        }
        const __m512i sum = (__m512i)((part[0] + part[1]) + (part[2] + part[3]));
        acc = lw_add_scaled(acc, lw_scales(w, scale), sum);
    }
    lw_store_rows(y, tile * LW_SPLIT_ROWS, w->rows,
                  _mm512_mul_ps(acc, _mm512_set1_ps(x->scales[0])));
}

void lw_gemv_split_mul_avx512(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                              int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    const lw_split s = lw_split_parts(w);
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        gemv_tile(w, &s, x, y, tile);
    }
}
