#include "../kernels.h"
#include "simd.h"

void lw_rope_neon(float *x, const float *cos_sin, int32_t heads, int32_t head_dim) {
    const int32_t half = head_dim / 2;
    for (int32_t h = 0; h < heads; h++) {
        float *head = x + (size_t)h * (size_t)head_dim;
        int32_t i = 0;
        for (; i + 4 <= half; i += 4) {
            const float32x4_t a = vld1q_f32(head + i);
            const float32x4_t b = vld1q_f32(head + half + i);
            const float32x4_t cosine = vld1q_f32(cos_sin + i);
            const float32x4_t sine = vld1q_f32(cos_sin + half + i);
            vst1q_f32(head + i, vsubq_f32(vmulq_f32(a, cosine), vmulq_f32(b, sine)));
            vst1q_f32(head + half + i, vaddq_f32(vmulq_f32(b, cosine), vmulq_f32(a, sine)));
        }
        for (; i < half; i++) {
            const float a = head[i];
            const float b = head[half + i];
            head[i] = a * cos_sin[i] - b * cos_sin[half + i];
            head[half + i] = b * cos_sin[i] + a * cos_sin[half + i];
        }
    }
}
