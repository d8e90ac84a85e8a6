#include "../kernels.h"
#include "simd.h"

#include <math.h>

void lw_rmsnorm_neon(float *y, const float *x, const float *w, int32_t n, float eps) {
    lw_lanes squares = lw_lanes_zero();
    int32_t i = 0;
    for (; i + LW_LANES <= n; i += LW_LANES) {
        const lw_lanes v = lw_load(x + i);
        squares = lw_lanes_mul_add(squares, v, v);
    }
    const lw_lanes part = lw_load_part(x + i, n - i);
    squares = lw_lanes_mul_add(squares, part, part);

    const float r = 1.0f / sqrtf(lw_fold(squares) / (float)n + eps);
    for (i = 0; i + 4 <= n; i += 4) {
        vst1q_f32(y + i, vmulq_f32(vmulq_n_f32(vld1q_f32(x + i), r), vld1q_f32(w + i)));
    }
    for (; i < n; i++) {
        y[i] = (x[i] * r) * w[i];
    }
}
