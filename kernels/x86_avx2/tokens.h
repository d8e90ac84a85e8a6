/* The microkernel of gemm.h for any number of tokens: blocks of 2 to 4, and what their sums start
 * at. */
#ifndef LW_AVX2_TOKENS_H
#define LW_AVX2_TOKENS_H

#include "gemm.h"

/* The microkernel for 2, 3, ... LW_MAX_TOKENS tokens. */
typedef void lw_block_fn(const lw_matrix *w, const lw_row_block *rows, const lw_tokens *x);
typedef lw_block_fn *const lw_block_reader[LW_MAX_TOKENS - 1];

/* Not inlined, so that each has the registers to itself. */
#define LW_BLOCK_TOKENS(name, bits, packed, tokens)                                                \
    static __attribute__((noinline)) void name##_##tokens(                                         \
        const lw_matrix *w, const lw_row_block *rows, const lw_tokens *x) {                        \
        lw_multiply_block(w, rows, x, bits, packed, tokens);                                       \
    }

/* A reader `name` of codes of so many bits. */
#define LW_BLOCK_READER(name, bits, packed)                                                        \
    LW_BLOCK_TOKENS(name, bits, packed, 2)                                                         \
    LW_BLOCK_TOKENS(name, bits, packed, 3)                                                         \
    LW_BLOCK_TOKENS(name, bits, packed, 4)                                                         \
    static lw_block_reader name = {name##_2, name##_3, name##_4};

/* Where starts lie, behind 16 rows unpacked. */
static inline void *lw_starts_of(void *scratch, const lw_q8 *x) {
    return (uint8_t *)scratch + (size_t)LW_BLOCK_ROWS * (size_t)x->stride;
}

/* Tokens [token, token + count) of x, with a start for each of their groups. */
static inline lw_tokens lw_tokens_from(const lw_matrix *w, const lw_q8 *x, int32_t token,
                                       int32_t count, float *y, size_t y_stride, void *starts) {
    const size_t stride = (size_t)x->stride;
    const int32_t blocks = lw_blocks(w);
    const int32_t group_blocks = lw_group_blocks(w);
    const int32_t *sums = x->sums + (size_t)token * (stride / LW_SUM_COLS);
    int32_t *start = starts; /* as many as 32 columns, at most */
    for (int32_t t = 0; t < count; t++, sums += stride / LW_SUM_COLS) {
        for (int32_t block = 0; block < blocks; block += group_blocks) {
            const int32_t end = block + lw_min_i32(group_blocks, blocks - block);
            const int32_t sum = lw_x_sum(sums, block, end);
            /* a word, for VPMADDWD with zero points */
            *start++ =
                w->zeros != NULL ? -sum & 0xffff : ((w->bits == 8 ? 128 : 0) - w->offset) * sum;
        }
    }
    return (lw_tokens){.codes = x->codes + (size_t)token * stride,
                       .starts = starts,
                       .scales = x->scales + token,
                       .y = y + (size_t)token * y_stride,
                       .stride = stride,
                       .groups = (size_t)((blocks + group_blocks - 1) / group_blocks),
                       .y_stride = y_stride};
}

/* y of 16 rows from `row` on for `count` tokens, shared evenly by blocks: one of two tokens takes
 * almost as long as one of three. */
static inline void lw_multiply_rows(lw_block_reader reader, const lw_matrix *w,
                                    const lw_row_block *rows, const lw_tokens *x, int32_t count,
                                    int32_t row) {
    lw_tokens block = *x;
    block.y += row;
    const float twice[2] = {x->scales[0], x->scales[0]};
    if (count == 1) { /* as two tokens, which are the same */
        block.stride = block.groups = block.y_stride = 0;
        block.scales = twice;
        reader[0](w, rows, &block);
        return;
    }
    for (int32_t left = (count + LW_MAX_TOKENS - 1) / LW_MAX_TOKENS; left > 0; left--) {
        const int32_t tokens = (count + left - 1) / left;
        reader[tokens - 2](w, rows, &block);
        block.codes += (size_t)tokens * block.stride;
        block.starts += (size_t)tokens * block.groups;
        block.scales += tokens;
        block.y += (size_t)tokens * block.y_stride;
        count -= tokens;
    }
}

#endif
