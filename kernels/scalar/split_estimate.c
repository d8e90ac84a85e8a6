#include <math.h>

#include "../kernels.h"
#include "split.h"

void lw_split_estimate_scalar(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                              float *estimate, float *radius, int32_t tile_begin,
                              int32_t tile_end) {
    const lw_split s = lw_split_parts(w);
    const int32_t end = lw_min_i32(w->rows, tile_end * LW_SPLIT_ROWS);
    for (int32_t n = tile_begin * LW_SPLIT_ROWS; n < end; n++) {
        float twice = 0.0f;
        float square = 0.0f;
        for (int32_t g = 0; g < s.groups; g++) {
            int32_t sum = 0;
            for (int32_t i = 0; i < lw_split_cols(w, g); i++) {
                const int32_t k = g * LW_SPLIT_BLOCK_COLS + i;
                sum += (int32_t)lw_split_high(&s, n, k) * x->codes[k];
            }
            const float scale = lw_split_scale(w, n, g);
            twice = twice + scale * (float)(16 * sum + groups[g].high_start);
            square = square + (scale * scale) * groups[g].energy;
        }
        estimate[n] = twice * 0.5f;
        radius[n] = sqrtf(square);
    }
}
