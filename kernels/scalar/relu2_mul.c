#include "../kernels.h"
#include "real.h"

void lw_relu2_mul_scalar(float *y, const float *a, const float *b, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        const float g = lw_max(a[i], 0.0f);
        y[i] = (g * g) * b[i];
    }
}
