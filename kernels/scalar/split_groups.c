#include "../kernels.h"
#include "split.h"

/* Activations past the last column are zero, as is what they would be multiplied by. */
void lw_split_groups_scalar(const lw_matrix *w, const lw_q8 *x, lw_split_group *groups) {
    const lw_split s = lw_split_parts(w);
    for (int32_t g = 0; g < s.groups; g++) {
        int32_t start = 0;
        int32_t energy = 0;
        int32_t sum = 0;
        for (int32_t i = 0; i < lw_split_cols(w, g); i++) {
            const int32_t k = g * LW_SPLIT_BLOCK_COLS + i;
            const int32_t q = x->codes[k];
            start += (LW_SPLIT_DITHER_MAX - 2 * w->offset - 2 * s.dither[k]) * q;
            energy += q * q;
            sum += q;
        }
        groups[g] = (lw_split_group){start, -LW_SPLIT_DITHER_MAX * sum, (float)energy};
    }
}
