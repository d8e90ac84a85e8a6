/* The float building blocks of runtime/FORMAT.md, "Numerics", one value at a time: fold, max, min,
 * rint and exp. */
#ifndef LW_SCALAR_REAL_H
#define LW_SCALAR_REAL_H

#include "../exp.h"
#include "../kernel.h"
#include "f16.h"

/* A NaN in `a` gives `b`; fmaxf differs. */
static inline float lw_max(float a, float b) {
    return a > b ? a : b;
}

static inline float lw_min(float a, float b) {
    return a < b ? a : b;
}

/* Nearest integer, ties to even, for |x| < 2^22: the sum with 1.5 * 2^23 has no fraction bits left.
 * rintf would be a library call on targets without a rounding instruction. */
static inline float lw_rint(float x) {
    return (x + 0x1.8p23f) - 0x1.8p23f;
}

/* The 16 lanes of a fold, added pairwise: j + 8, j + 4, j + 2, j + 1. Changes lanes. */
static inline float lw_fold(float lanes[LW_LANES]) {
    for (int half = LW_LANES / 2; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) {
            lanes[j] = lanes[j] + lanes[j + half];
        }
    }
    return lanes[0];
}

static inline float lw_exp(float x) {
    static const float c[] = {LW_EXP_C0, LW_EXP_C1, LW_EXP_C2, LW_EXP_C3,
                              LW_EXP_C4, LW_EXP_C5, LW_EXP_C6};
    x = lw_min(lw_max(x, LW_EXP_MIN), LW_EXP_MAX);
    const float n = lw_rint(x * LW_EXP_LOG2E);
    const float r = (x - n * LW_EXP_LN2_HI) - n * LW_EXP_LN2_LO;
    float p = c[6];
    for (int i = 5; i >= 0; i--) {
        p = p * r + c[i];
    }
    return lw_f32_from_bits(lw_f32_bits(p) + ((uint32_t)(int32_t)n << 23));
}

#endif
