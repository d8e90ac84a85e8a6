#include "../kernels.h"

void lw_add_scalar(float *y, const float *a, const float *b, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        y[i] = a[i] + b[i];
    }
}
