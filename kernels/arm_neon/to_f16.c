#include "../kernels.h"
#include "../scalar/f16.h"
#include "simd.h"

void lw_to_f16_neon(uint16_t *dst, const float *src, int32_t n) {
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        vst1_u16(dst + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(src + i))));
    }
    for (; i < n; i++) {
        dst[i] = lw_f32_to_f16(src[i]);
    }
}
