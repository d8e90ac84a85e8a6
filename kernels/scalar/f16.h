/* IEEE binary16 <-> binary32 in integers: exact widening, narrowing to nearest even with gradual
 * underflow. NaNs keep sign and upper payload and become quiet, as VCVTPS2PH, VCVTPH2PS and FCVT
 * do, so hardware gives the same bits. */
#ifndef LW_F16_H
#define LW_F16_H

#include <stdint.h>
#include <string.h>

static inline float lw_f32_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t lw_f32_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float lw_f16_to_f32(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 0x1fu;
    const uint32_t mantissa = half & 0x3ffu;
    if (exponent == 0) {
        /* zero and subnormals are mantissa * 2^-24, exact in binary32 */
        return lw_f32_from_bits(sign | lw_f32_bits((float)(int32_t)mantissa * 0x1p-24f));
    }
    if (exponent == 31) {
        return lw_f32_from_bits(sign | 0x7f800000u | (mantissa << 13) |
                                (mantissa != 0 ? 0x400000u : 0u));
    }
    return lw_f32_from_bits(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

static inline uint16_t lw_f32_to_f16(float value) {
    const uint32_t bits = lw_f32_bits(value);
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    }
    if (magnitude >= 0x477ff000u) { /* 65520, halfway between 65504 and 2^16, rounds to infinity */
        return (uint16_t)(sign | 0x7c00u);
    }
    uint32_t half;                  /* truncated */
    uint32_t rest;                  /* the bits cut off, scaled so that 2^31 is one half */
    if (magnitude >= 0x38800000u) { /* 2^-14, the smallest normal */
        half = (magnitude >> 13) - (112u << 10);
        rest = magnitude << 19;
    } else if (magnitude >= 0x33000000u) {               /* 2^-25, half of the smallest subnormal */
        const uint32_t shift = 126u - (magnitude >> 23); /* 14..24 */
        const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
        half = mantissa >> shift;
        rest = mantissa << (32u - shift);
    } else {
        return (uint16_t)sign;
    }
    half += rest > 0x80000000u || (rest == 0x80000000u && (half & 1u) != 0);
    return (uint16_t)(sign | half);
}

#endif
