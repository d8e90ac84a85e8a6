#include "../kernels.h"
#include "simd.h"

/* 4 floats to int32 codes: scaled, clamped (a NaN becomes -127), rounded to nearest even. */
LW_INLINE int32x4_t quantize4(const float *x, float inverse) {
    const float32x4_t v = lw_max(vmulq_n_f32(vld1q_f32(x), inverse), vdupq_n_f32(-127.0f));
    return vcvtnq_s32_f32(lw_min(v, vdupq_n_f32(127.0f)));
}

LW_INLINE int16x8_t quantize8(const float *x, float inverse) {
    return vcombine_s16(vmovn_s32(quantize4(x, inverse)), vmovn_s32(quantize4(x + 4, inverse)));
}

/* 32 floats to 32 codes; returns their sum. */
static int32_t quantize32(const float *x, float inverse, int8_t *codes) {
    int32_t sum = 0;
    for (int i = 0; i < LW_SUM_COLS; i += 16) {
        const int8x16_t packed = vcombine_s8(vmovn_s16(quantize8(x + i, inverse)),
                                             vmovn_s16(quantize8(x + i + 8, inverse)));
        vst1q_s8(codes + i, packed);
        sum += vaddlvq_s8(packed);
    }
    return sum;
}

/* Largest |x|, at least 1e-5; NaNs are skipped. */
static float absolute_maximum(const float *x, int32_t n) {
    float32x4_t m = vdupq_n_f32(1e-5f);
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        m = lw_max(vabsq_f32(vld1q_f32(x + i)), m);
    }
    m = lw_max(vabsq_f32(lw_load_part(x + i, n - i).v[0]), m);
    return lw_greatest(m);
}

void lw_quantize_neon(const float *x, int32_t n, int8_t *codes, int32_t *sums, float *scale) {
    const float m = absolute_maximum(x, n);
    const float inverse = 127.0f / m;
    int32_t i = 0;
    for (; i + LW_SUM_COLS <= n; i += LW_SUM_COLS) {
        sums[i / LW_SUM_COLS] = quantize32(x + i, inverse, codes + i);
    }
    for (const int32_t stride = lw_q8_stride(n); i < stride; i += LW_SUM_COLS) {
        float part[LW_SUM_COLS] = {0};
        if (i < n) {
            memcpy(part, x + i, (size_t)(n - i) * sizeof *x);
        }
        sums[i / LW_SUM_COLS] = quantize32(part, inverse, codes + i);
    }
    *scale = m / 127.0f;
}
