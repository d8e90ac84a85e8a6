/* The inner loop of arm_neon/gemm.h by SMMLA: two rows x 8 columns times two tokens.
 *
 *   codes   two steps of 4 columns are rearranged once, so that a register holds 8 columns of two
 *           rows
 *   x       8 columns of two tokens
 *   sum     rows 2p and 2p + 1 by tokens 2j and 2j + 1: 4 pairs of rows x 4 of tokens at a time
 */
#ifndef LW_I8MM_MULTIPLY_H
#define LW_I8MM_MULTIPLY_H

#include "../arm_neon/gemm.h"

enum { LW_PAIR_BYTES = 2 * LW_STEP_BYTES, LW_HALF_PAIRS = 4 };

/* In place, for all columns of a row block. */
static inline void lw_pair_steps(int8_t *codes, int32_t blocks) {
    for (int32_t i = 0; i < blocks * (LW_BLOCK_COLS / 8); i++, codes += LW_PAIR_BYTES) {
        int32x4_t even[LW_ROW_QUADS], odd[LW_ROW_QUADS];
        for (int quad = 0; quad < LW_ROW_QUADS; quad++) {
            even[quad] = vreinterpretq_s32_s8(vld1q_s8(codes + quad * 16));
            odd[quad] = vreinterpretq_s32_s8(vld1q_s8(codes + LW_STEP_BYTES + quad * 16));
        }
        for (int quad = 0; quad < LW_ROW_QUADS; quad++) {
            vst1q_s8(codes + quad * 32, vreinterpretq_s8_s32(vzip1q_s32(even[quad], odd[quad])));
            vst1q_s8(codes + quad * 32 + 16,
                     vreinterpretq_s8_s32(vzip2q_s32(even[quad], odd[quad])));
        }
    }
}

/* 8 columns of tokens t and t + 1, or of t twice when there is no other. */
LW_INLINE int8x16_t lw_load_pair(const int8_t *x, size_t stride, int t, const int tokens) {
    const int8_t *first = x + (size_t)t * stride;
    return vcombine_s8(vld1_s8(first), vld1_s8(t + 1 < tokens ? first + stride : first));
}

/* Codes are rearranged; 8 rows after the other 8, so that all sums fit the registers. */
LW_INLINE void lw_add_blocks_i8mm(lw_row_sums *sums, const int8_t *codes, const int8_t *x,
                                  size_t stride, int32_t blocks, const int tokens, int bits) {
    const int pairs = (tokens + 1) / 2;
    (void)bits;
    for (int half = 0; half < 2; half++) {
        int32x4_t s[LW_HALF_PAIRS][LW_GEMM_TOKENS / 2];
        for (int p = 0; p < LW_HALF_PAIRS; p++) {
            for (int j = 0; j < pairs; j++) {
                s[p][j] = vdupq_n_s32(0);
            }
        }
        const int8_t *at = codes + half * LW_STEP_BYTES;
        for (int32_t k = 0; k < blocks * LW_BLOCK_COLS; k += 8, at += LW_PAIR_BYTES) {
            int8x16_t c[LW_HALF_PAIRS];
#pragma GCC unroll 4
            for (int p = 0; p < LW_HALF_PAIRS; p++) {
                c[p] = vld1q_s8(at + p * 16);
            }
#pragma GCC unroll 4
            for (int j = 0; j < pairs; j++) {
                const int8x16_t two = lw_load_pair(x + k, stride, 2 * j, tokens);
#pragma GCC unroll 4
                for (int p = 0; p < LW_HALF_PAIRS; p++) {
                    s[p][j] = vmmlaq_s32(s[p][j], c[p], two);
                }
            }
        }
        for (int p = 0; p < LW_HALF_PAIRS; p += 2) {
            const int quad = half * 2 + p / 2;
            for (int j = 0; j < pairs; j++) {
                /* a register: row 2p by both tokens, row 2p + 1 by both */
                const int32x4_t first = vuzp1q_s32(s[p][j], s[p + 1][j]);
                const int32x4_t second = vuzp2q_s32(s[p][j], s[p + 1][j]);
                sums[2 * j].q[quad] = vaddq_s32(sums[2 * j].q[quad], first);
                if (2 * j + 1 < tokens) {
                    sums[2 * j + 1].q[quad] = vaddq_s32(sums[2 * j + 1].q[quad], second);
                }
            }
        }
    }
}

static inline void lw_multiply_rows_i8mm(const lw_matrix *w, const lw_row_block *rows,
                                         const lw_q8 *x, int32_t tokens, float *y,
                                         size_t y_stride) {
    lw_pair_steps(rows->codes, lw_blocks(w));
    int32_t t = 0;
    for (; t + 8 <= tokens; t += 8) {
        lw_gemm_tokens(8, w, rows, x, t, y, y_stride, lw_add_blocks_i8mm);
    }
    for (; t + 2 <= tokens; t += 2) {
        lw_gemm_tokens(2, w, rows, x, t, y, y_stride, lw_add_blocks_i8mm);
    }
    if (t < tokens) {
        lw_gemm_tokens(1, w, rows, x, t, y, y_stride, lw_add_blocks_i8mm);
    }
}

#endif
