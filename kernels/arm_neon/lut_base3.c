/* Tables of layout base3 (base3.h): sums in 16 bits, 8 entries a register, cut into digits. */
#include "../kernels.h"
#include "base3.h"
#include "codes.h"

enum { ENTRIES = 32, REGISTERS = ENTRIES / 8, RECIPROCAL = 1261 /* of the base, times 2^15 */ };

/* code - 1 of column j in entry e; entries that no byte leads to have no columns. */
#define POWER(j) ((j) == 0 ? 1 : (j) == 1 ? 3 : 9)
#define V_WEIGHT(e, j) ((e) < LW_BASE3_V ? (e) / POWER(j) % 3 - 1 : 0)
#define U_WEIGHT(e, j) ((e) < LW_BASE3_KEYS ? (e) / 2 / POWER(j) % 3 - 1 : 0)
#define EACH_4(f, e, j) f(e, j), f((e) + 1, j), f((e) + 2, j), f((e) + 3, j)
#define EACH_16(f, e, j)                                                                           \
    EACH_4(f, e, j), EACH_4(f, (e) + 4, j), EACH_4(f, (e) + 8, j), EACH_4(f, (e) + 12, j)
#define EACH_32(f, j) {EACH_16(f, 0, j), EACH_16(f, 16, j)}
static const int16_t v_weights[3][ENTRIES] = {EACH_32(V_WEIGHT, 0), EACH_32(V_WEIGHT, 1),
                                              EACH_32(V_WEIGHT, 2)};
static const int16_t u_weights[2][ENTRIES] = {EACH_32(U_WEIGHT, 0), EACH_32(U_WEIGHT, 1)};

typedef struct {
    uint8x16_t low[2], high[2];
} digits;

/* The digits of 32 sums of `columns` weighted activations, increased by `bias`. */
LW_INLINE digits sum_up(const int16_t weights[][ENTRIES], const int8_t *x, const int columns,
                        int16_t bias) {
    int16x8_t low[REGISTERS], high[REGISTERS];
    for (int i = 0; i < REGISTERS; i++) {
        int16x8_t sum = vdupq_n_s16(bias);
        for (int j = 0; j < columns; j++) {
            sum = vmlaq_n_s16(sum, vld1q_s16(weights[j] + 8 * i), x[j]);
        }
        /* exact for sums of 0 to 2 * LW_BASE3_V_BIAS */
        high[i] = vqdmulhq_n_s16(sum, RECIPROCAL);
        low[i] = vmlsq_n_s16(sum, high[i], LW_BASE3_BASE);
    }
    digits d;
    for (int i = 0; i < 2; i++) {
        d.low[i] =
            vuzp1q_u8(vreinterpretq_u8_s16(low[2 * i]), vreinterpretq_u8_s16(low[2 * i + 1]));
        d.high[i] =
            vuzp1q_u8(vreinterpretq_u8_s16(high[2 * i]), vreinterpretq_u8_s16(high[2 * i + 1]));
    }
    return d;
}

void lw_lut_base3_neon(const lw_q8 *x, void *lut, int32_t begin, int32_t end) {
    const uint8x16_t low = vdupq_n_u8(LW_BASE3_LOW);
    const uint8x16_t high = vdupq_n_u8(LW_BASE3_HIGH);
    for (int32_t i = begin; i < end; i++) {
        const int8_t *columns = x->codes + (size_t)i * LW_BASE3_COLS;
        const digits v = sum_up(v_weights, columns, 3, LW_BASE3_V_BIAS);
        const digits u = sum_up(u_weights, columns + 3, 2, LW_BASE3_U_BIAS);
        uint8_t *table = (uint8_t *)lut + (size_t)i * LW_BASE3_TABLE;
        for (int j = 0; j < 2; j++) {
            vst1q_u8(table + LW_BASE3_V_LOW + 16 * j, vaddq_u8(v.low[j], low));
            vst1q_u8(table + LW_BASE3_V_HIGH + 16 * j, vaddq_u8(v.high[j], high));
            vst1q_u8(table + LW_BASE3_U_LOW + 16 * j, vsubq_u8(low, u.low[j]));
            vst1q_u8(table + LW_BASE3_U_HIGH + 16 * j, vsubq_u8(high, u.high[j]));
        }
    }
}
