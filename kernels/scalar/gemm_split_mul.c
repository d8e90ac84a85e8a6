#include "../kernels.h"
#include "split.h"

void lw_gemm_split_mul_scalar(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                              size_t y_stride, int32_t tile_begin, int32_t tile_end,
                              void *scratch) {
    const lw_split s = lw_split_parts(w);
    const int32_t end = lw_min_i32(w->rows, tile_end * LW_SPLIT_ROWS);
    uint8_t *codes = scratch;
    for (int32_t n = tile_begin * LW_SPLIT_ROWS; n < end; n++) {
        for (int32_t g = 0; g < s.groups; g++) {
            lw_split_codes(w, &s, n, g, codes + g * LW_SPLIT_BLOCK_COLS);
        }
        for (int32_t t = 0; t < tokens; t++) {
            const int8_t *xt = x->codes + (size_t)t * (size_t)x->stride;
            const int32_t *sums = x->sums + (size_t)t * (size_t)(x->stride / LW_SUM_COLS);
            float acc = 0.0f;
            for (int32_t g = 0; g < s.groups; g++) {
                acc = lw_split_add_group(acc, w, n, g, codes + g * LW_SPLIT_BLOCK_COLS, xt, sums);
            }
            y[(size_t)t * y_stride + (size_t)n] = acc * x->scales[t];
        }
    }
}
