/* The inner loops of arm_neon/gemm.h by SDOT: per 16 columns and 4 tokens, 16 loads of codes and 4
 * of activations serve 64 multiplications; of 8 rows, 8 loads and 4 serve 32. */
#ifndef LW_DOTPROD_MULTIPLY_H
#define LW_DOTPROD_MULTIPLY_H

#include "../arm_neon/gemm_half.h"
#include "dot.h"

LW_INLINE void lw_add_blocks_dotprod(lw_row_sums *sums, const int8_t *codes, const int8_t *x,
                                     size_t stride, int32_t blocks, const int tokens, int bits) {
    (void)bits;
    lw_row_sums s[LW_GEMM_TOKENS]; /* a copy that stays in registers */
    for (int t = 0; t < tokens; t++) {
        s[t] = sums[t];
    }
    for (int32_t half = 0; half < 2 * blocks; half++) {
        int8x16_t x_of[LW_GEMM_TOKENS];
        for (int t = 0; t < tokens; t++) {
            x_of[t] = vld1q_s8(x + (size_t)t * stride);
        }
#pragma GCC unroll 4
        for (int step = 0; step < 4; step++) {
#pragma GCC unroll 4
            for (int quad = 0; quad < LW_ROW_QUADS; quad++) {
                const int8x16_t c = vld1q_s8(codes + step * LW_STEP_BYTES + quad * 16);
#pragma GCC unroll 4
                for (int t = 0; t < tokens; t++) {
                    s[t].q[quad] = lw_dot4(s[t].q[quad], c, x_of[t], step);
                }
            }
        }
        codes += 4 * LW_STEP_BYTES;
        x += 16;
    }
    for (int t = 0; t < tokens; t++) {
        sums[t] = s[t];
    }
}

LW_INLINE void lw_add_half_dotprod(int32x4_t *sums, const int8_t *codes, const int8_t *x,
                                   size_t stride, int32_t blocks, const int tokens, int bits) {
    (void)bits;
#pragma GCC unroll 2
    for (int32_t half = 0; half < 2 * blocks; half++) {
        int8x16_t x_of[LW_GROUP_TOKENS];
        for (int t = 0; t < tokens; t++) {
            x_of[t] = vld1q_s8(x + (size_t)t * stride);
        }
#pragma GCC unroll 4
        for (int step = 0; step < 4; step++) {
#pragma GCC unroll 2
            for (int quad = 0; quad < LW_HALF_QUADS; quad++) {
                const int8x16_t c = vld1q_s8(codes + step * LW_STEP_BYTES + quad * 16);
#pragma GCC unroll 4
                for (int t = 0; t < tokens; t++) {
                    sums[2 * t + quad] = lw_dot4(sums[2 * t + quad], c, x_of[t], step);
                }
            }
        }
        codes += 4 * LW_STEP_BYTES;
        x += 16;
    }
}

LW_INLINE void lw_half_group_dotprod(const int tokens, const bool zeros, float32x4_t *acc,
                                     const lw_half *p, int32_t block, int32_t count, size_t at) {
    lw_add_half_group(tokens, zeros, acc, p, block, count, at, lw_add_half_dotprod);
}

static inline void lw_multiply_rows_dotprod(const lw_matrix *w, const lw_row_block *rows,
                                            const lw_q8 *x, int32_t tokens, float *y,
                                            size_t y_stride) {
    if (w->group == 0) {
        lw_gemm_by_four(w, rows, x, tokens, y, y_stride, lw_add_blocks_dotprod);
    } else {
        lw_gemm_groups(w, rows, x, tokens, y, y_stride, LW_STEP_BYTES / 2, lw_half_group_dotprod,
                       lw_half_in_order);
    }
}

#endif
