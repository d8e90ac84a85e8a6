#include "../kernels.h"
#include "split.h"

void lw_split_refine_scalar(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                            const uint32_t *rows, int32_t count, float *low) {
    const lw_split s = lw_split_parts(w);
    for (int32_t i = 0; i < count; i++) {
        const int32_t n = (int32_t)rows[i];
        float twice = 0.0f;
        for (int32_t g = 0; g < s.groups; g++) {
            int32_t sum = 0;
            for (int32_t j = 0; j < lw_split_cols(w, g); j++) {
                const int32_t k = g * LW_SPLIT_BLOCK_COLS + j;
                sum += (int32_t)lw_split_low(&s, n, k) * x->codes[k];
            }
            const float scale = lw_split_scale(w, n, g);
            twice = twice + scale * (float)(2 * sum + groups[g].low_start);
        }
        low[i] = twice * 0.5f;
    }
}
