/* A group of gemm_groups.h whose sums are four rows of one token each, in the order of tokens. */
#ifndef LW_NEON_GEMM_HALF_H
#define LW_NEON_GEMM_HALF_H

#include "gemm_groups.h"

/* sums[2 * token + quad] += codes * x over `blocks` tiles of 32 columns, of the quads that begin
 * every step at `codes`; tokens is a constant, and codes are at most those of `bits` bits. */
typedef void lw_add_half(int32x4_t *sums, const int8_t *codes, const int8_t *x, size_t stride,
                         int32_t blocks, const int tokens, int bits);

LW_INLINE void lw_add_half_group(const int tokens, const bool zeros, float32x4_t *acc,
                                 const lw_half *p, int32_t block, int32_t count, size_t at,
                                 lw_add_half *add_half) {
    const size_t k = (size_t)block * LW_BLOCK_COLS;
    int32x4_t sums[LW_HALF_SUMS];
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
        const int32_t x_sum = lw_half_x_sum(p, t, block, count);
#pragma GCC unroll 2
        for (int i = 0; i < LW_HALF_QUADS; i++) {
            sums[2 * t + i] = zeros ? vmlsq_n_s32(vdupq_n_s32(LW_FLOAT_START),
                                                  lw_half_zeros(p, at + 4 * (size_t)i), x_sum)
                                    : vdupq_n_s32(LW_FLOAT_START - p->offset * x_sum);
        }
    }
    add_half(sums, p->codes + k * LW_BLOCK_ROWS, p->x + k, p->stride, count, tokens,
             lw_unpacked_bits(p->w));
#pragma GCC unroll 2
    for (int i = 0; i < LW_HALF_QUADS; i++) {
        const float32x4_t scale = lw_load_f16_scales(p->scales + at + 4 * i);
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            const float32x4_t sum = lw_half_float(sums[2 * t + i]);
            acc[2 * t + i] = vaddq_f32(acc[2 * t + i], vmulq_f32(scale, sum));
        }
    }
}

LW_INLINE void lw_half_in_order(float32x4_t *acc) {
    (void)acc;
}

#endif
