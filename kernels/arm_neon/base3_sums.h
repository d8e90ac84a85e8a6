/* Sums of the five columns of layout base3 for each byte of codes, of several tokens side by side.
 */
#ifndef LW_NEON_BASE3_SUMS_H
#define LW_NEON_BASE3_SUMS_H

#include "base3.h"
#include "codes.h"

enum {
    LW_BASE3_TOKENS = 8,
    LW_BASE3_BYTES = 256,
    LW_BASE3_USED = 243, /* the others have zeros */
};

typedef struct {
    int16_t entry[LW_BASE3_BYTES][LW_BASE3_TOKENS];
} lw_base3_sums;

/* The first 8 columns at x of `tokens` tokens, the others zero: one column of 8 tokens each. */
static inline void lw_base3_columns(const int8_t *x, size_t stride, int32_t tokens,
                                    int16x8_t column[LW_BASE3_COLS]) {
    int8x8_t row[LW_BASE3_TOKENS];
    for (int t = 0; t < LW_BASE3_TOKENS; t++) {
        row[t] = t < tokens ? vld1_s8(x + (size_t)t * stride) : vdup_n_s8(0);
    }
    int8x16_t by4[4];
    for (int i = 0; i < 4; i++) {
        by4[i] = vcombine_s8(vzip1_s8(row[i], row[i + 4]), vzip2_s8(row[i], row[i + 4]));
    }
    const int8x16_t low[] = {vzip1q_s8(by4[0], by4[2]), vzip1q_s8(by4[1], by4[3])};
    const int8x16_t high[] = {vzip2q_s8(by4[0], by4[2]), vzip2q_s8(by4[1], by4[3])};
    const int8x16_t first = vzip1q_s8(low[0], low[1]);
    const int8x16_t second = vzip2q_s8(low[0], low[1]);
    column[0] = vmovl_s8(vget_low_s8(first));
    column[1] = vmovl_high_s8(first);
    column[2] = vmovl_s8(vget_low_s8(second));
    column[3] = vmovl_high_s8(second);
    column[4] = vmovl_s8(vget_low_s8(vzip1q_s8(high[0], high[1])));
}

/* (digit - 1) * x, digit a constant. */
LW_INLINE int16x8_t lw_base3_times(const int digit, int16x8_t x) {
    return digit == 0 ? vnegq_s16(x) : digit == 1 ? vdupq_n_s16(0) : x;
}

static inline void lw_base3_sum_bytes(lw_base3_sums *table, const int16x8_t x[LW_BASE3_COLS]) {
    int16x8_t two[9]; /* of columns 0 and 1 */
#pragma GCC unroll 9
    for (int i = 0; i < 9; i++) {
        two[i] = vaddq_s16(lw_base3_times(i % 3, x[0]), lw_base3_times(i / 3, x[1]));
    }
    int16_t *out = table->entry[0];
    int16x8_t column4 = vnegq_s16(x[4]);
    for (int d4 = 0; d4 < 3; d4++, column4 = vaddq_s16(column4, x[4])) {
        int16x8_t column3 = vsubq_s16(column4, x[3]);
        for (int d3 = 0; d3 < 3; d3++, column3 = vaddq_s16(column3, x[3])) {
            int16x8_t column2 = vsubq_s16(column3, x[2]);
#pragma GCC unroll 3
            for (int d2 = 0; d2 < 3; d2++, column2 = vaddq_s16(column2, x[2])) {
#pragma GCC unroll 9
                for (int i = 0; i < 9; i++, out += LW_BASE3_TOKENS) {
                    vst1q_s16(out, vaddq_s16(column2, two[i]));
                }
            }
        }
    }
}

#endif
