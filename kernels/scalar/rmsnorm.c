#include "../kernels.h"
#include "real.h"

#include <math.h>

void lw_rmsnorm_scalar(float *y, const float *x, const float *w, int32_t n, float eps) {
    float lanes[LW_LANES] = {0};
    for (int32_t i = 0; i < n; i++) {
        lanes[i % LW_LANES] = lanes[i % LW_LANES] + x[i] * x[i];
    }
    const float r = 1.0f / sqrtf(lw_fold(lanes) / (float)n + eps);
    for (int32_t i = 0; i < n; i++) {
        y[i] = (x[i] * r) * w[i];
    }
}
