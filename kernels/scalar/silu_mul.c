#include "../kernels.h"
#include "real.h"

void lw_silu_mul_scalar(float *y, const float *a, const float *b, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        y[i] = (a[i] / (1.0f + lw_exp(0.0f - a[i]))) * b[i];
    }
}
