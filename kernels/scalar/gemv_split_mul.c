#include "../kernels.h"
#include "split.h"

void lw_gemv_split_mul_scalar(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                              int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    const lw_split s = lw_split_parts(w);
    const int32_t end = lw_min_i32(w->rows, tile_end * LW_SPLIT_ROWS);
    for (int32_t n = tile_begin * LW_SPLIT_ROWS; n < end; n++) {
        float acc = 0.0f;
        for (int32_t g = 0; g < s.groups; g++) {
            uint8_t codes[LW_SPLIT_BLOCK_COLS];
            lw_split_codes(w, &s, n, g, codes);
            acc = lw_split_add_group(acc, w, n, g, codes, x->codes, x->sums);
        }
        y[n] = acc * x->scales[0];
    }
}
