/* Many tokens, a scale for each group: the frame around the groups of an instruction set. A block
 * of 16 rows (gemm.h) is multiplied half by half, so that sums and results of 8 rows and 4 tokens
 * stay in registers.
 *
 * A sum begins as the bits of 1.5 * 2^23, less the zero point times the sum of x. To add an integer
 * below 2^22 to those bits adds it to the float, too; a group's sum is at most 128 * 255 * 127,
 * which is less. So one exact subtraction converts it.
 */
#ifndef LW_NEON_GEMM_GROUPS_H
#define LW_NEON_GEMM_GROUPS_H

#include <stdbool.h>

#include "gemm.h"

enum {
    LW_HALF_ROWS = LW_BLOCK_ROWS / 2,
    LW_HALF_QUADS = LW_ROW_QUADS / 2,
    LW_GROUP_TOKENS = 4,
    LW_HALF_SUMS = LW_HALF_QUADS * LW_GROUP_TOKENS,
    LW_FLOAT_START = 0x4b400000, /* the bits of LW_START */
};
#define LW_START 12582912.0f /* 1.5 * 2^23 */

/* 8 rows and some tokens. */
typedef struct {
    const lw_matrix *w;
    const int8_t *codes;    /* of the 8 rows, unpacked */
    const uint16_t *scales; /* of the first row in group 0 */
    const uint8_t *zeros;   /* alike, or NULL */
    size_t tile_rows;       /* from one group's to the next's */
    int32_t less;           /* by how much unpacked codes are less than stored ones */
    int32_t offset;         /* the unpacked code of value 0, where there are no zero points */
    int32_t rows;           /* that exist, 1 at least; may be above 8 */
    const int8_t *x;        /* of the first token */
    const int32_t *x_sums;
    const float *x_scales;
    size_t stride; /* of x */
    float *y;      /* of the first row and token */
    size_t y_stride;
} lw_half;

/* acc += the group of `count` column tiles from tile `block` on; `at` is the index of its first
 * scale. tokens and zeros are constants, and count, but in the last group. The order of acc is a
 * matter of each instruction set. */
typedef void lw_half_group(const int tokens, const bool zeros, float32x4_t *acc, const lw_half *p,
                           int32_t block, int32_t count, size_t at);

/* From that order to one of tokens, of each two quads of rows. */
typedef void lw_half_order(float32x4_t *acc);

/* Sum of x of a token over the column tiles [block, block + count). */
LW_INLINE int32_t lw_half_x_sum(const lw_half *p, int token, int32_t block, int32_t count) {
    const int32_t *of_token = p->x_sums + (size_t)token * (p->stride / LW_SUM_COLS);
    return lw_x_sum(of_token, block, block + count);
}

/* Zero points of 4 rows, for unpacked codes. */
LW_INLINE int32x4_t lw_half_zeros(const lw_half *p, size_t at) {
    uint32_t four;
    memcpy(&four, p->zeros + at, sizeof four);
    const uint16x8_t wide = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    const int32x4_t zero = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(wide)));
    return vsubq_s32(zero, vdupq_n_s32(p->less));
}

/* The float of a sum that began as above. */
LW_INLINE float32x4_t lw_half_float(int32x4_t sum) {
    return vsubq_f32(vreinterpretq_f32_s32(sum), vdupq_n_f32(LW_START));
}

/* Rows of x and of unpacked codes are whole multiples of 64 columns, so that only groups of 128 can
 * end early. */
LW_INLINE void lw_gemm_half(const int tokens, const bool zeros, const int32_t group_blocks,
                            const lw_half *p, lw_half_group *group, lw_half_order *order) {
    const int32_t blocks = lw_blocks(p->w);
    const int32_t whole = group_blocks == 4 ? blocks - 3 : blocks;
    float32x4_t acc[LW_HALF_SUMS];
#pragma GCC unroll 8
    for (int i = 0; i < LW_HALF_SUMS; i++) {
        acc[i] = vdupq_n_f32(0.0f);
    }
    size_t at = 0;
    int32_t block = 0;
    for (; block < whole; block += group_blocks, at += p->tile_rows) {
        group(tokens, zeros, acc, p, block, group_blocks, at);
    }
    if (group_blocks == 4 && block < blocks) {
        group(tokens, zeros, acc, p, block, blocks - block, at);
    }
    order(acc);
    const size_t bytes = (size_t)lw_min_i32(p->rows, LW_HALF_ROWS) * sizeof *p->y;
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
        const float32x4_t out[] = {vmulq_n_f32(acc[2 * t], p->x_scales[t]),
                                   vmulq_n_f32(acc[2 * t + 1], p->x_scales[t])};
        memcpy(p->y + (size_t)t * p->y_stride, out, bytes);
    }
}

LW_INLINE void lw_next_tokens(lw_half *p, const int tokens) {
    p->x += (size_t)tokens * p->stride;
    p->x_sums += (size_t)tokens * (p->stride / LW_SUM_COLS);
    p->x_scales += tokens;
    p->y += (size_t)tokens * p->y_stride;
}

/* All tokens: four at once, then two, then one. */
LW_INLINE void lw_gemm_half_tokens(const bool zeros, const int32_t group_blocks, lw_half p,
                                   int32_t tokens, lw_half_group *group, lw_half_order *order) {
    for (; tokens >= 4; tokens -= 4) {
        lw_gemm_half(4, zeros, group_blocks, &p, group, order);
        lw_next_tokens(&p, 4);
    }
    if (tokens >= 2) {
        lw_gemm_half(2, zeros, group_blocks, &p, group, order);
        lw_next_tokens(&p, 2);
    }
    if (tokens % 2 != 0) {
        lw_gemm_half(1, zeros, group_blocks, &p, group, order);
    }
}

/* One copy of the loops for each length of groups. */
LW_INLINE void lw_gemm_half_groups(const bool zeros, lw_half p, int32_t tokens,
                                   lw_half_group *group, lw_half_order *order) {
    switch (lw_group_blocks(p.w)) {
    case 1:
        lw_gemm_half_tokens(zeros, 1, p, tokens, group, order);
        break;
    case 2:
        lw_gemm_half_tokens(zeros, 2, p, tokens, group, order);
        break;
    default:
        lw_gemm_half_tokens(zeros, 4, p, tokens, group, order);
        break;
    }
}

/* A block of 16 rows; half_bytes: from the codes of its first half to those of the other. */
LW_INLINE void lw_gemm_groups(const lw_matrix *w, const lw_row_block *rows, const lw_q8 *x,
                              int32_t tokens, float *y, size_t y_stride, size_t half_bytes,
                              lw_half_group *group, lw_half_order *order) {
    for (int half = 0; half < 2 && half * LW_HALF_ROWS < rows->rows; half++) {
        const int row = half * LW_HALF_ROWS;
        const int32_t less = lw_signed_less(w);
        const lw_half p = {.w = w,
                           .codes = rows->codes + (size_t)half * half_bytes,
                           .scales = (const uint16_t *)rows->scales + row,
                           .zeros = rows->zeros != NULL ? rows->zeros + row : NULL,
                           .tile_rows = rows->tile_rows,
                           .less = less,
                           .offset = w->offset - less,
                           .rows = rows->rows - row,
                           .x = x->codes,
                           .x_sums = x->sums,
                           .x_scales = x->scales,
                           .stride = (size_t)x->stride,
                           .y = y + row,
                           .y_stride = y_stride};
        if (p.zeros != NULL) {
            lw_gemm_half_groups(true, p, tokens, group, order);
        } else {
            lw_gemm_half_groups(false, p, tokens, group, order);
        }
    }
}

#endif
