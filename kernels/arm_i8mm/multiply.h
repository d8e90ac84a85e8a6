/* The inner loop of arm_neon/gemm.h by SMMLA: two rows x 8 columns times two tokens.
 *
 *   codes   two steps of 4 columns are rearranged once, so that a register holds 8 columns of two
 *           rows
 *   x       8 columns of two tokens
 *   sum     rows 2p and 2p + 1 by tokens 2j and 2j + 1: 4 pairs of rows x 4 of tokens at a time
 */
#ifndef LW_I8MM_MULTIPLY_H
#define LW_I8MM_MULTIPLY_H

#include "../arm_neon/gemm_groups.h"

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

/* A group: acc[4 * j + p] are rows 2p and 2p + 1 of the half by tokens 2j and 2j + 1. */
LW_INLINE void lw_half_group_i8mm(const int tokens, const bool zeros, float32x4_t *acc,
                                  const lw_half *p, int32_t block, int32_t count, size_t at) {
    const int pairs = (tokens + 1) / 2;
    int32x4_t sums[LW_HALF_SUMS];
#pragma GCC unroll 2
    for (int j = 0; j < pairs; j++) {
        const int next = 2 * j + 1 < tokens ? 2 * j + 1 : 2 * j;
        const int32_t x_sum[] = {lw_half_x_sum(p, 2 * j, block, count),
                                 lw_half_x_sum(p, next, block, count)};
        if (!zeros) {
            const uint64_t low = (uint32_t)(LW_FLOAT_START - p->offset * x_sum[0]);
            const uint64_t high = (uint32_t)(LW_FLOAT_START - p->offset * x_sum[1]);
            const int32x4_t start = vreinterpretq_s32_u64(vdupq_n_u64(high << 32 | low));
#pragma GCC unroll 4
            for (int i = 0; i < LW_HALF_PAIRS; i++) {
                sums[4 * j + i] = start;
            }
            continue;
        }
        const int32x4_t start = vdupq_n_s32(LW_FLOAT_START);
        const int32x4_t both = vzip1q_s32(vdupq_n_s32(x_sum[0]), vdupq_n_s32(x_sum[1]));
#pragma GCC unroll 2
        for (int quad = 0; quad < LW_HALF_QUADS; quad++) {
            const int32x4_t zero = lw_half_zeros(p, at + 4 * (size_t)quad);
            sums[4 * j + 2 * quad] = vmlsq_s32(start, vzip1q_s32(zero, zero), both);
            sums[4 * j + 2 * quad + 1] = vmlsq_s32(start, vzip2q_s32(zero, zero), both);
        }
    }
    const int8_t *codes = p->codes + (size_t)block * (LW_BLOCK_COLS * LW_BLOCK_ROWS);
    const int8_t *x = p->x + (size_t)block * LW_BLOCK_COLS;
#pragma GCC unroll 4
    for (int32_t k = 0; k < count * LW_BLOCK_COLS; k += 8, codes += LW_PAIR_BYTES) {
        int8x16_t c[LW_HALF_PAIRS];
#pragma GCC unroll 4
        for (int i = 0; i < LW_HALF_PAIRS; i++) {
            c[i] = vld1q_s8(codes + i * 16);
        }
#pragma GCC unroll 2
        for (int j = 0; j < pairs; j++) {
            const int8x16_t two = lw_load_pair(x + k, p->stride, 2 * j, tokens);
#pragma GCC unroll 4
            for (int i = 0; i < LW_HALF_PAIRS; i++) {
                sums[4 * j + i] = vmmlaq_s32(sums[4 * j + i], c[i], two);
            }
        }
    }
#pragma GCC unroll 2
    for (int quad = 0; quad < LW_HALF_QUADS; quad++) {
        const float32x4_t scale = lw_load_f16_scales(p->scales + at + 4 * quad);
        const float32x4_t of_pair[] = {vzip1q_f32(scale, scale), vzip2q_f32(scale, scale)};
#pragma GCC unroll 2
        for (int j = 0; j < pairs; j++) {
#pragma GCC unroll 2
            for (int i = 4 * j + 2 * quad; i < 4 * j + 2 * quad + 2; i++) {
                const float32x4_t sum = lw_half_float(sums[i]);
                acc[i] = vaddq_f32(acc[i], vmulq_f32(of_pair[i % 2], sum));
            }
        }
    }
}

LW_INLINE void lw_half_order_i8mm(float32x4_t *acc) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
        float32x4_t *four = acc + 4 * j;
        const float32x4_t first[] = {vuzp1q_f32(four[0], four[1]), vuzp1q_f32(four[2], four[3])};
        const float32x4_t second[] = {vuzp2q_f32(four[0], four[1]), vuzp2q_f32(four[2], four[3])};
        four[0] = first[0];
        four[1] = first[1];
        four[2] = second[0];
        four[3] = second[1];
    }
}

static inline void lw_multiply_rows_i8mm(const lw_matrix *w, const lw_row_block *rows,
                                         const lw_q8 *x, int32_t tokens, float *y,
                                         size_t y_stride) {
    lw_pair_steps(rows->codes, lw_blocks(w));
    if (w->group != 0) {
        lw_gemm_groups(w, rows, x, tokens, y, y_stride, LW_STEP_BYTES, lw_half_group_i8mm,
                       lw_half_order_i8mm);
        return;
    }
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
