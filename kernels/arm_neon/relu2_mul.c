#include "../kernels.h"
#include "simd.h"

LW_INLINE float32x4_t relu2_mul(float32x4_t gate, float32x4_t up) {
    const float32x4_t g = lw_max(gate, vdupq_n_f32(0.0f));
    return vmulq_f32(vmulq_f32(g, g), up);
}

void lw_relu2_mul_neon(float *y, const float *a, const float *b, int32_t n) {
    lw_map2(y, a, b, n, relu2_mul);
}
