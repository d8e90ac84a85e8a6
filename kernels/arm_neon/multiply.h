/* The inner loops of gemm.h without a dot product (widening.h). */
#ifndef LW_NEON_MULTIPLY_H
#define LW_NEON_MULTIPLY_H

#include "gemm_half.h"
#include "widening.h"

/* Steps are taken in runs that stay exact in 16 bits, one quad of rows after the other. */
LW_INLINE void lw_add_blocks_neon(lw_row_sums *sums, const int8_t *codes, const int8_t *x,
                                  size_t stride, int32_t blocks, const int tokens, int bits) {
    const int32_t steps = blocks * (LW_BLOCK_COLS / 4);
    const int32_t run = lw_exact_fields(bits);
    for (int quad = 0; quad < LW_ROW_QUADS; quad++) {
        lw_wide wide[LW_GEMM_TOKENS];
        for (int t = 0; t < tokens; t++) {
            wide[t] = lw_wide_zero();
        }
        for (int32_t step = 0; step < steps;) {
            const int32_t end = lw_min_i32(steps, step + run);
            lw_narrow part[LW_GEMM_TOKENS];
            for (int t = 0; t < tokens; t++) {
                part[t] = lw_narrow_zero();
            }
            for (; step < end; step++) {
                const int8x16_t c = vld1q_s8(codes + (size_t)step * LW_STEP_BYTES + quad * 16);
                for (int t = 0; t < tokens; t++) {
                    int32_t four;
                    memcpy(&four, x + (size_t)t * stride + (size_t)step * 4, sizeof four);
                    part[t] = lw_narrow_add(part[t], c, vreinterpretq_s8_s32(vdupq_n_s32(four)));
                }
            }
            for (int t = 0; t < tokens; t++) {
                wide[t] = lw_widen(wide[t], part[t]);
            }
        }
        for (int t = 0; t < tokens; t++) {
            sums[t].q[quad] = vaddq_s32(sums[t].q[quad], lw_join(wide[t]));
        }
    }
}

/* The same for half of the rows. */
LW_INLINE void lw_add_half_neon(int32x4_t *sums, const int8_t *codes, const int8_t *x,
                                size_t stride, int32_t blocks, const int tokens, int bits) {
    const int32_t steps = blocks * (LW_BLOCK_COLS / 4);
    const int32_t run = lw_exact_fields(bits);
#pragma GCC unroll 2
    for (int quad = 0; quad < LW_HALF_QUADS; quad++) {
        lw_wide wide[LW_GROUP_TOKENS];
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            wide[t] = lw_wide_zero();
        }
        for (int32_t step = 0; step < steps;) {
            const int32_t end = lw_min_i32(steps, step + run);
            lw_narrow part[LW_GROUP_TOKENS];
#pragma GCC unroll 4
            for (int t = 0; t < tokens; t++) {
                part[t] = lw_narrow_zero();
            }
            for (; step < end; step++) {
                const int8x16_t c = vld1q_s8(codes + (size_t)step * LW_STEP_BYTES + quad * 16);
#pragma GCC unroll 4
                for (int t = 0; t < tokens; t++) {
                    int32_t four;
                    memcpy(&four, x + (size_t)t * stride + (size_t)step * 4, sizeof four);
                    part[t] = lw_narrow_add(part[t], c, vreinterpretq_s8_s32(vdupq_n_s32(four)));
                }
            }
#pragma GCC unroll 4
            for (int t = 0; t < tokens; t++) {
                wide[t] = lw_widen(wide[t], part[t]);
            }
        }
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            sums[2 * t + quad] = vaddq_s32(sums[2 * t + quad], lw_join(wide[t]));
        }
    }
}

LW_INLINE void lw_half_group_neon(const int tokens, const bool zeros, float32x4_t *acc,
                                  const lw_half *p, int32_t block, int32_t count, size_t at) {
    lw_add_half_group(tokens, zeros, acc, p, block, count, at, lw_add_half_neon);
}

static inline void lw_multiply_rows_neon(const lw_matrix *w, const lw_row_block *rows,
                                         const lw_q8 *x, int32_t tokens, float *y,
                                         size_t y_stride) {
    if (w->group == 0) {
        lw_gemm_by_four(w, rows, x, tokens, y, y_stride, lw_add_blocks_neon);
    } else {
        lw_gemm_groups(w, rows, x, tokens, y, y_stride, LW_STEP_BYTES / 2, lw_half_group_neon,
                       lw_half_in_order);
    }
}

#endif
