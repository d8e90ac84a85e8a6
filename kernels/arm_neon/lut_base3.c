/* Tables of layout base3 (base3.h): sums in 16 bits, 8 entries a register, cut into digits. */
#include "../kernels.h"
#include "base3.h"
#include "codes.h"

enum { REGISTERS = LW_BASE3_ENTRIES / 8 };

/* Code j of a byte is byte / 3^j % 3. Up to slot 8 * r + 7, V has columns 0 to r + 1 alone. */
#define V_0(s) (LW_BASE3_BYTE(s) % 3 - 1)
#define V_1(s) (LW_BASE3_BYTE(s) / 3 % 3 - 1)
#define V_2(s) (LW_BASE3_BYTE(s) / 9 % 3 - 1)
#define V_3(s) (LW_BASE3_BYTE(s) / 27 % 3 - 1)
#define V_4(s) (LW_BASE3_BYTE(s) / 81 - 1)
static const int16_t v_weights[][LW_BASE3_ENTRIES] = {
    LW_BASE3_32(V_0), LW_BASE3_32(V_1), LW_BASE3_32(V_2), LW_BASE3_32(V_3), LW_BASE3_32(V_4),
};

/* No byte leads to the last entry. */
#define U_2(h) ((h) < 31 ? 8 * (h) / 9 % 3 - 1 - V_2(LW_BASE3_SLOT(h)) : 0)
#define U_3(h) ((h) < 31 ? 8 * (h) / 27 % 3 - 1 - V_3(LW_BASE3_SLOT(h)) : 0)
#define U_4(h) ((h) < 31 ? 8 * (h) / 81 - 1 - V_4(LW_BASE3_SLOT(h)) : 0)
static const int16_t u_weights[][LW_BASE3_ENTRIES] = {
    LW_BASE3_32(U_2),
    LW_BASE3_32(U_3),
    LW_BASE3_32(U_4),
};

/* sum + weight * x[lane]; lane is a constant. */
LW_INLINE int16x8_t add_column(int16x8_t sum, const int16_t *weights, int16x8_t x, const int lane) {
    const int16x8_t w = vld1q_s16(weights);
    switch (lane) {
    case 0:
        return vmlaq_laneq_s16(sum, w, x, 0);
    case 1:
        return vmlaq_laneq_s16(sum, w, x, 1);
    case 2:
        return vmlaq_laneq_s16(sum, w, x, 2);
    case 3:
        return vmlaq_laneq_s16(sum, w, x, 3);
    default:
        return vmlaq_laneq_s16(sum, w, x, 4);
    }
}

/* 16 entries. */
LW_INLINE int8x16_t high_digits(const int16x8_t *sums) {
    const int8x8_t first = vshrn_n_s16(sums[0], LW_BASE3_DIGIT_BITS);
    return vshrn_high_n_s16(first, sums[1], LW_BASE3_DIGIT_BITS);
}

LW_INLINE int8x16_t low_bytes(const int16x8_t *sums) {
    return vuzp1q_s8(vreinterpretq_s8_s16(sums[0]), vreinterpretq_s8_s16(sums[1]));
}

void lw_lut_base3_neon(const lw_q8 *x, void *lut, int32_t begin, int32_t end) {
    const int8x16_t digit = vdupq_n_s8(LW_BASE3_BASE - 1);
    for (int32_t i = begin; i < end; i++) {
        /* three more than are needed; rows of x are that much longer */
        const int16x8_t columns = vmovl_s8(vld1_s8(x->codes + (size_t)i * LW_BASE3_COLS));
        const int16x8_t negative = vnegq_s16(columns);
        int16x8_t v[REGISTERS], u[REGISTERS];
#pragma GCC unroll 4
        for (int r = 0; r < REGISTERS; r++) {
            v[r] = vdupq_n_s16(LW_BASE3_V_BIAS);
#pragma GCC unroll 5
            for (int j = 0; j < r + 2; j++) {
                v[r] = add_column(v[r], v_weights[j] + 8 * r, columns, j);
            }
            u[r] = vdupq_n_s16(-1 - LW_BASE3_U_BIAS); /* a digit of -1 - n is -1 - digit */
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++) {
                u[r] = add_column(u[r], u_weights[j] + 8 * r, negative, 2 + j);
            }
        }
        int8_t *table = (int8_t *)lut + (size_t)i * LW_BASE3_TABLE;
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) {
            vst1q_s8(table + LW_BASE3_V_LOW + 16 * j, vandq_s8(low_bytes(v + 2 * j), digit));
            vst1q_s8(table + LW_BASE3_V_HIGH + 16 * j, high_digits(v + 2 * j));
            vst1q_s8(table + LW_BASE3_U_LOW + 16 * j, vornq_s8(low_bytes(u + 2 * j), digit));
            vst1q_s8(table + LW_BASE3_U_HIGH + 16 * j, high_digits(u + 2 * j));
        }
    }
}
