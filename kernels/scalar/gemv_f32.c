#include "../kernels.h"
#include "real.h"

void lw_gemv_f32_scalar(const void *w, int32_t cols, const float *x, float *y, int32_t row_begin,
                        int32_t row_end) {
    for (int32_t n = row_begin; n < row_end; n++) {
        const float *row = (const float *)w + (size_t)n * (size_t)cols;
        float lanes[LW_LANES] = {0};
        for (int32_t k = 0; k < cols; k++) {
            lanes[k % LW_LANES] = lanes[k % LW_LANES] + row[k] * x[k];
        }
        y[n] = lw_fold(lanes);
    }
}
