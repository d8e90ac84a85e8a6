#include "../kernels.h"
#include "simd.h"

LW_INLINE float32x4_t add(float32x4_t a, float32x4_t b) {
    return vaddq_f32(a, b);
}

void lw_add_neon(float *y, const float *a, const float *b, int32_t n) {
    lw_map2(y, a, b, n, add);
}
