/* The low parts of single rows of layout split, by SDOT. */
#include "../arm_neon/split_refine.h"
#include "../kernels.h"

LW_INLINE int32_t low_dot(const uint8_t *block, const int8_t *x) {
    int32x4_t sum = vdupq_n_s32(0);
#pragma GCC unroll 4
    for (int part = 0; part < LW_SPLIT_PARTS; part++) {
        const int8x16_t low = vreinterpretq_s8_u8(lw_split_low(block, part));
        sum = vdotq_s32(sum, low, vld1q_s8(x + 16 * part));
    }
    return vaddvq_s32(sum);
}

void lw_split_refine_dotprod(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                             const uint32_t *rows, int32_t count, float *low) {
    lw_split_refine(w, x, groups, rows, count, low, low_dot);
}
