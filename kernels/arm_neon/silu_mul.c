#include "../kernels.h"
#include "simd.h"

LW_INLINE float32x4_t silu_mul(float32x4_t gate, float32x4_t up) {
    const float32x4_t e = lw_exp(vsubq_f32(vdupq_n_f32(0.0f), gate));
    return vmulq_f32(vdivq_f32(gate, vaddq_f32(vdupq_n_f32(1.0f), e)), up);
}

void lw_silu_mul_neon(float *y, const float *a, const float *b, int32_t n) {
    lw_map2(y, a, b, n, silu_mul);
}
