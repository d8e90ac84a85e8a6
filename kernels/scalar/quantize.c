#include "../kernels.h"
#include "real.h"

#include <math.h>

void lw_quantize_scalar(const float *x, int32_t n, int8_t *codes, int32_t *sums, float *scale) {
    float m = 1e-5f;
    for (int32_t i = 0; i < n; i++) {
        m = lw_max(fabsf(x[i]), m);
    }
    const float inverse = 127.0f / m;
    const int32_t stride = lw_q8_stride(n);
    for (int32_t i = 0; i < stride; i += LW_SUM_COLS) {
        int32_t sum = 0;
        for (int32_t k = i; k < i + LW_SUM_COLS; k++) {
            codes[k] = k < n ? (int8_t)lw_rint(lw_min(lw_max(x[k] * inverse, -127.0f), 127.0f)) : 0;
            sum += codes[k];
        }
        sums[i / LW_SUM_COLS] = sum;
    }
    *scale = m / 127.0f;
}
