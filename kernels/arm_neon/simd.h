/* Float building blocks of NEON: the 16 virtual lanes of a fold are four registers of 4. No FMA:
 * sums and products round separately (-ffp-contract=off). */
#ifndef LW_NEON_SIMD_H
#define LW_NEON_SIMD_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#include "../exp.h"
#include "../kernel.h"

enum { LW_QUADS = LW_LANES / 4 };

typedef struct {
    float32x4_t v[LW_QUADS];
} lw_lanes;

LW_INLINE lw_lanes lw_lanes_zero(void) {
    const float32x4_t zero = vdupq_n_f32(0.0f);
    return (lw_lanes){{zero, zero, zero, zero}};
}

/* lanes + a * b, product and sum rounded separately. */
LW_INLINE lw_lanes lw_lanes_mul_add(lw_lanes lanes, lw_lanes a, lw_lanes b) {
    for (int i = 0; i < LW_QUADS; i++) {
        lanes.v[i] = vaddq_f32(lanes.v[i], vmulq_f32(a.v[i], b.v[i]));
    }
    return lanes;
}

/* lanes + a * b for a scalar b. */
LW_INLINE lw_lanes lw_lanes_mul_add_n(lw_lanes lanes, lw_lanes a, float b) {
    for (int i = 0; i < LW_QUADS; i++) {
        lanes.v[i] = vaddq_f32(lanes.v[i], vmulq_n_f32(a.v[i], b));
    }
    return lanes;
}

/* Lane j adds lane j + 8, then j + 4, j + 2, j + 1 (runtime/FORMAT.md, "Numerics"). */
LW_INLINE float lw_fold(lw_lanes lanes) {
    const float32x4_t lo = vaddq_f32(lanes.v[0], lanes.v[2]);
    const float32x4_t hi = vaddq_f32(lanes.v[1], lanes.v[3]);
    const float32x4_t by4 = vaddq_f32(lo, hi);
    const float32x2_t by2 = vadd_f32(vget_low_f32(by4), vget_high_f32(by4));
    return vget_lane_f32(by2, 0) + vget_lane_f32(by2, 1);
}

/* a > b ? a : b and a < b ? a : b; FMAX and FMAXNM treat NaNs and zeros otherwise. */
LW_INLINE float32x4_t lw_max(float32x4_t a, float32x4_t b) {
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

LW_INLINE float32x4_t lw_min(float32x4_t a, float32x4_t b) {
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

/* The greatest of 4, none of which is NaN. */
LW_INLINE float lw_greatest(float32x4_t v) {
    const float32x4_t by2 = lw_max(v, vextq_f32(v, v, 2));
    return vgetq_lane_f32(lw_max(by2, vextq_f32(by2, by2, 1)), 0);
}

/* 16 floats. */
LW_INLINE lw_lanes lw_load(const float *p) {
    return (lw_lanes){{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}

LW_INLINE void lw_store(float *p, lw_lanes lanes) {
    for (int i = 0; i < LW_QUADS; i++) {
        vst1q_f32(p + 4 * i, lanes.v[i]);
    }
}

/* The first `count` (0..16) of 16 floats, then zeros; reads nothing beyond them. Adding a zero
 * product to a lane of a fold does not change it, because a lane that starts at +0 never becomes
 * -0. */
LW_INLINE lw_lanes lw_load_part(const float *p, int32_t count) {
    float part[LW_LANES] = {0};
    memcpy(part, p, (size_t)count * sizeof *p);
    return lw_load(part);
}

LW_INLINE void lw_store_part(float *p, lw_lanes lanes, int32_t count) {
    float part[LW_LANES];
    lw_store(part, lanes);
    memcpy(p, part, (size_t)count * sizeof *p);
}

/* The same for float16. */
LW_INLINE lw_lanes lw_load_f16(const uint16_t *p) {
    lw_lanes lanes;
    for (int i = 0; i < LW_QUADS; i++) {
        lanes.v[i] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i)));
    }
    return lanes;
}

/* 16 signed bytes. */
LW_INLINE lw_lanes lw_load_s8(const int8_t *p) {
    const int8x16_t bytes = vld1q_s8(p);
    const int16x8_t lo = vmovl_s8(vget_low_s8(bytes));
    const int16x8_t hi = vmovl_high_s8(bytes);
    return (lw_lanes){
        {vcvtq_f32_s32(vmovl_s16(vget_low_s16(lo))), vcvtq_f32_s32(vmovl_high_s16(lo)),
         vcvtq_f32_s32(vmovl_s16(vget_low_s16(hi))), vcvtq_f32_s32(vmovl_high_s16(hi))}};
}

LW_INLINE lw_lanes lw_load_f16_part(const uint16_t *p, int32_t count) {
    uint16_t part[LW_LANES] = {0};
    memcpy(part, p, (size_t)count * sizeof *p);
    return lw_load_f16(part);
}

/* exp(x) of runtime/FORMAT.md. */
LW_INLINE float32x4_t lw_exp(float32x4_t x) {
    static const float c[] = {LW_EXP_C0, LW_EXP_C1, LW_EXP_C2, LW_EXP_C3,
                              LW_EXP_C4, LW_EXP_C5, LW_EXP_C6};
    x = lw_min(lw_max(x, vdupq_n_f32(LW_EXP_MIN)), vdupq_n_f32(LW_EXP_MAX));
    const float32x4_t n = vrndnq_f32(vmulq_n_f32(x, LW_EXP_LOG2E));
    const float32x4_t high = vsubq_f32(x, vmulq_n_f32(n, LW_EXP_LN2_HI));
    const float32x4_t r = vsubq_f32(high, vmulq_n_f32(n, LW_EXP_LN2_LO));
    float32x4_t p = vdupq_n_f32(c[6]);
#pragma GCC unroll 6
    for (int i = 5; i >= 0; i--) {
        p = vaddq_f32(vmulq_f32(p, r), vdupq_n_f32(c[i]));
    }
    const int32x4_t exponent = vshlq_n_s32(vcvtq_s32_f32(n), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), exponent));
}

/* y[i] = op(a[i], b[i]), i < n; y may be an input. */
typedef float32x4_t lw_binary_op(float32x4_t a, float32x4_t b);

LW_INLINE void lw_map2(float *y, const float *a, const float *b, int32_t n, lw_binary_op *op) {
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        vst1q_f32(y + i, op(vld1q_f32(a + i), vld1q_f32(b + i)));
    }
    if (i < n) {
        const lw_lanes left = lw_load_part(a + i, n - i);
        const lw_lanes right = lw_load_part(b + i, n - i);
        lw_store_part(y + i, (lw_lanes){{op(left.v[0], right.v[0])}}, n - i);
    }
}

#endif
