#include "../kernels.h"
#include "split.h"

void lw_gather_split_scalar(const lw_matrix *w, int32_t row, float *y) {
    const lw_split s = lw_split_parts(w);
    for (int32_t g = 0; g < s.groups; g++) {
        const float scale = lw_split_scale(w, row, g);
        uint8_t codes[LW_SPLIT_BLOCK_COLS];
        lw_split_codes(w, &s, row, g, codes);
        for (int32_t i = 0; i < lw_split_cols(w, g); i++) {
            y[g * LW_SPLIT_BLOCK_COLS + i] = (float)((int32_t)codes[i] - w->offset) * scale;
        }
    }
}
