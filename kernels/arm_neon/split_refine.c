/* The low parts of single rows of layout split, by SMLAL. */
#include "split_refine.h"
#include "../kernels.h"

/* 7 * 127 a product: 16-bit sums of the 8 products of a lane stay below 7112. */
LW_INLINE int32_t low_dot(const uint8_t *block, const int8_t *x) {
    int16x8_t sum = vdupq_n_s16(0);
#pragma GCC unroll 4
    for (int part = 0; part < LW_SPLIT_PARTS; part++) {
        const int8x16_t low = vreinterpretq_s8_u8(lw_split_low(block, part));
        const int8x16_t x_of = vld1q_s8(x + 16 * part);
        sum = vmlal_s8(sum, vget_low_s8(low), vget_low_s8(x_of));
        sum = vmlal_high_s8(sum, low, x_of);
    }
    return vaddlvq_s16(sum);
}

void lw_split_refine_neon(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                          const uint32_t *rows, int32_t count, float *low) {
    lw_split_refine(w, x, groups, rows, count, low, low_dot);
}
