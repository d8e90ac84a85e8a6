/* The microkernel of every packed layout: 16 rows by 2 to 4 tokens.
 *
 *   codes   a step of 4 columns is two registers of 8 rows, one code a byte: taken from the packed
 *           bytes of layout fields, or loaded from a row tile that was unpacked before
 *   x       a broadcast dword of 4 columns for each token, shared by both registers
 *   part    2 x 4 registers of 16-bit sums over as many steps as stay exact (codes.h)
 *   sums    int32; they start at -offset * the sum of x over the group, so that they end as sums of
 *           signed values; with zero points at -zero * that sum
 */
#ifndef LW_AVX2_GEMM_H
#define LW_AVX2_GEMM_H

#include <stdbool.h>

#include "fields.h"

enum {
    LW_BLOCK_ROWS = 16,
    LW_STEP_BYTES = 64,
    LW_MAX_TOKENS = 4,
    LW_START_TOKENS = 256, /* whose starts fit the scratch behind 16 rows unpacked */
    LW_AHEAD_BYTES = 3072, /* of prefetches: packed codes come from memory */
};

/* 16 rows of a row tile. */
typedef struct {
    const uint8_t *codes; /* a tile of layout fields for each 32 columns, or unpacked: bytes
                             [columns / 4][16 rows][4 columns] of 16 * round_up(cols, 32); 8-bit
                             codes unpacked are codes - 128, codes of 1 bit 0 and 2 */
    const void *scales;   /* of its first row in group 0, see lw_tile_scales */
    const uint8_t *zeros; /* alike, or NULL */
    size_t tile_rows;     /* scales from one group to the next */
    int32_t rows;         /* that exist; may be above 16, or below 1 */
} lw_row_block;

/* Some tokens: their activations and results, and what their sums start at. */
typedef struct {
    const int8_t *codes;
    const int32_t *starts; /* of each group */
    const float *scales;
    float *y; /* of the first row */
    size_t stride;
    size_t groups; /* starts from one token to the next */
    size_t y_stride;
} lw_tokens;

typedef struct {
    __m256i of[LW_MAX_TOKENS][2]; /* [token][rows 0-7, 8-15] */
} lw_block_sums;

/* 4 columns of 8 rows, half of a step. */
LW_INLINE __m256i lw_block_codes(const uint8_t *tile, int half, int step, const int bits,
                                 const bool packed) {
    if (packed && bits < 8) {
        return lw_field(tile, half, bits, step);
    }
    const uint8_t *at = tile + step * LW_STEP_BYTES + half * 32;
    const __m256i codes = _mm256_load_si256((const __m256i *)(const void *)at);
    return packed ? _mm256_xor_si256(codes, _mm256_set1_epi8((char)0x80)) : codes;
}

/* part + products of `count` steps of a column tile; `fresh`: instead of part. */
LW_INLINE void lw_add_steps(lw_block_sums *part, const uint8_t *tile, const int8_t *x,
                            size_t stride, const int bits, const bool packed, const int tokens,
                            int first, int count, bool fresh) {
    for (int line = 0; line < (packed && first == 0 ? bits : 0); line++) {
        const uint8_t *ahead = tile + LW_AHEAD_BYTES + line * LW_FIELDS_VECTOR;
        _mm_prefetch((const char *)ahead, _MM_HINT_T0);
    }
#pragma GCC unroll 8
    for (int step = first; step < first + count; step++) {
        const __m256i codes[2] = {lw_block_codes(tile, 0, step, bits, packed),
                                  lw_block_codes(tile, 1, step, bits, packed)};
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            const __m256i x4 = lw_broadcast4(x + (size_t)t * stride + step * LW_FIELD_COLS);
            for (int h = 0; h < 2; h++) {
                const __m256i product =
                    bits == 8 ? lw_mul_signed(codes[h], x4) : _mm256_maddubs_epi16(codes[h], x4);
                part->of[t][h] =
                    fresh && step == first ? product : lw_add_words(part->of[t][h], product);
            }
        }
        /* Vectors of codes stay apart: loads moved ahead would need registers that sums have. */
        if (!packed || (step + 1) % (8 / bits) == 0) {
            __asm__ volatile("" ::: "memory");
        }
    }
}

LW_INLINE void lw_widen(lw_block_sums *sums, const lw_block_sums *part, const int tokens) {
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
        sums->of[t][0] = lw_add_pairs_of_words(sums->of[t][0], part->of[t][0]);
        sums->of[t][1] = lw_add_pairs_of_words(sums->of[t][1], part->of[t][1]);
    }
}

/* sums += codes * x over `tiles` column tiles; bits, packed and tokens are constants. */
LW_INLINE void lw_add_tiles(lw_block_sums *sums, const uint8_t *tile, const int8_t *x,
                            size_t stride, int32_t tiles, const int bits, const bool packed,
                            const int tokens) {
    const int run = lw_exact_run(bits);
    const size_t tile_bytes = (size_t)(packed ? bits : 8) * LW_FIELDS_VECTOR;
    while (tiles > 0) {
        lw_block_sums part;
        if (run > LW_FIELDS) {
#pragma GCC unroll 4
            for (int t = 0; t < tokens; t++) {
                part.of[t][0] = part.of[t][1] = _mm256_setzero_si256();
            }
            for (int32_t left = lw_min_i32(tiles, run / LW_FIELDS); left > 0; left--, tiles--) {
                lw_add_steps(&part, tile, x, stride, bits, packed, tokens, 0, LW_FIELDS, false);
                tile += tile_bytes;
                x += LW_BLOCK_COLS;
            }
            lw_widen(sums, &part, tokens);
            continue;
        }
#pragma GCC unroll 8
        for (int first = 0; first < LW_FIELDS; first += run) {
            lw_add_steps(&part, tile, x, stride, bits, packed, tokens, first, run, true);
            lw_widen(sums, &part, tokens);
        }
        tile += tile_bytes;
        x += LW_BLOCK_COLS;
        tiles--;
    }
}

/* y of 16 rows for `tokens` tokens. */
LW_INLINE void lw_multiply_block(const lw_matrix *w, const lw_row_block *rows, const lw_tokens *x,
                                 const int bits, const bool packed, const int tokens) {
    const int32_t less = bits == 8 ? 128 : 0;
    const int32_t blocks = lw_blocks(w);
    const int32_t group_blocks = lw_group_blocks(w);
    const size_t group_bytes =
        (size_t)group_blocks * (size_t)(packed ? bits : 8) * LW_FIELDS_VECTOR;
    const uint8_t *codes = rows->codes;
    const int8_t *x_codes = x->codes;
    const int32_t *starts = x->starts;
    __m256 acc[LW_MAX_TOKENS][2];
    for (int t = 0; t < tokens; t++) {
        acc[t][0] = acc[t][1] = _mm256_setzero_ps();
    }
    size_t row = 0;
    for (int32_t block = 0; block < blocks; block += group_blocks) {
        lw_block_sums sums;
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            sums.of[t][0] = sums.of[t][1] = _mm256_set1_epi32(starts[(size_t)t * x->groups]);
        }
        if (rows->zeros != NULL) {
            const __m256i zeros[2] = {lw_load_zeros(rows->zeros, row, less),
                                      lw_load_zeros(rows->zeros, row + 8, less)};
#pragma GCC unroll 4
            for (int t = 0; t < tokens; t++) {
                sums.of[t][0] = _mm256_madd_epi16(zeros[0], sums.of[t][0]);
                sums.of[t][1] = _mm256_madd_epi16(zeros[1], sums.of[t][1]);
            }
        }
        lw_add_tiles(&sums, codes, x_codes, x->stride, lw_min_i32(group_blocks, blocks - block),
                     bits, packed, tokens);
        const __m256 scales[2] = {lw_load_scales(w, rows->scales, row),
                                  lw_load_scales(w, rows->scales, row + 8)};
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            acc[t][0] = lw_add_scaled(acc[t][0], scales[0], sums.of[t][0]);
            acc[t][1] = lw_add_scaled(acc[t][1], scales[1], sums.of[t][1]);
        }
        codes += group_bytes;
        x_codes += group_blocks * LW_BLOCK_COLS;
        row += rows->tile_rows;
        starts++;
    }
    for (int t = 0; t < tokens; t++) {
        const __m256 scale = _mm256_set1_ps(x->scales[t]);
        float *y = x->y + (size_t)t * x->y_stride;
        lw_store_rows(y, rows->rows, _mm256_mul_ps(acc[t][0], scale));
        lw_store_rows(y + 8, rows->rows - 8, _mm256_mul_ps(acc[t][1], scale));
    }
}
#endif
