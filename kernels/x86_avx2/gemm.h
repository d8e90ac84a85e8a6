/* The microkernel of every packed layout: 16 rows by up to 4 tokens on unpacked codes.
 *
 *   codes   [k / 4][16 rows][4 columns] bytes: a step of 4 columns is two registers of 8 rows
 *   x       a broadcast dword of 4 columns for each token
 *   sums    2 x 4 registers of 16-bit sums over a run of steps (codes.h), widened into 2 x 4 of 32
 * bits
 */
#ifndef LW_AVX2_GEMM_H
#define LW_AVX2_GEMM_H

#include "codes.h"

enum { LW_BLOCK_ROWS = 16, LW_STEP_BYTES = 64, LW_MAX_TOKENS = 4 };

/* 16 rows of a row tile, unpacked. 8-bit codes are stored minus 128, codes of 1 bit times 2. */
typedef struct {
    const uint8_t *codes; /* 16 * round_up(cols, 32) bytes; behind the last column x is 0 */
    const void *scales;   /* of its first row in group 0, see lw_tile_scales */
    const uint8_t *zeros; /* alike, or NULL */
    size_t tile_rows;     /* scales from one group to the next */
    int32_t rows;         /* that exist; may be above 16, or below 1 */
} lw_row_block;

/* sums[token][half] += codes * x over one tile of 32 columns; tokens, bits are constants. */
LW_INLINE void lw_add_block(__m256i sums[LW_MAX_TOKENS][2], const uint8_t *codes, const int8_t *x,
                            size_t stride, int tokens, int bits) {
    const int run = lw_exact_run(bits);
    const __m256i ones = _mm256_set1_epi16(1);
    for (int first = 0; first < 8; first += run) {
        __m256i part[LW_MAX_TOKENS][2];
        for (int step = first; step < first + run; step++) {
            const __m256i *c = (const __m256i *)(codes + step * LW_STEP_BYTES);
            const __m256i lo = _mm256_load_si256(c);
            const __m256i hi = _mm256_load_si256(c + 1);
            for (int t = 0; t < tokens; t++) {
                const __m256i x4 = lw_broadcast4(x + (size_t)t * stride + step * 4);
                const __m256i a = bits == 8 ? lw_mul_signed(lo, x4) : _mm256_maddubs_epi16(lo, x4);
                const __m256i b = bits == 8 ? lw_mul_signed(hi, x4) : _mm256_maddubs_epi16(hi, x4);
                part[t][0] = step == first ? a : _mm256_add_epi16(part[t][0], a);
                part[t][1] = step == first ? b : _mm256_add_epi16(part[t][1], b);
            }
        }
        for (int t = 0; t < tokens; t++) {
            sums[t][0] = _mm256_add_epi32(sums[t][0], _mm256_madd_epi16(part[t][0], ones));
            sums[t][1] = _mm256_add_epi32(sums[t][1], _mm256_madd_epi16(part[t][1], ones));
        }
    }
}

/* y of 16 rows for tokens [token, token + tokens). */
LW_INLINE void lw_gemm_tokens(int tokens, int bits, const lw_matrix *w, const lw_row_block *rows,
                              const lw_q8 *x, int32_t token, float *y, size_t y_stride) {
    const int32_t less = bits == 8 ? 128 : 0;
    const int32_t blocks = lw_blocks(w);
    const int32_t group_blocks = lw_group_blocks(w);
    const size_t stride = (size_t)x->stride;
    const size_t sums_stride = stride / LW_SUM_COLS;
    const int8_t *codes = x->codes + (size_t)token * stride;
    const int32_t *x_sums = x->sums + (size_t)token * sums_stride;
    __m256 acc[LW_MAX_TOKENS][2];
    for (int t = 0; t < tokens; t++) {
        acc[t][0] = acc[t][1] = _mm256_setzero_ps();
    }
    size_t row = 0;
    for (int32_t block = 0; block < blocks; row += rows->tile_rows) {
        const int32_t end = block + lw_min_i32(group_blocks, blocks - block);
        __m256i sums[LW_MAX_TOKENS][2];
        int32_t x_sum[LW_MAX_TOKENS] = {0};
        for (int t = 0; t < tokens; t++) {
            sums[t][0] = sums[t][1] = _mm256_setzero_si256();
        }
        for (; block < end; block++) {
            const size_t k = (size_t)block * LW_BLOCK_COLS;
            for (int t = 0; t < tokens; t++) { /* slower in a loop of its own */
                x_sum[t] += x_sums[(size_t)t * sums_stride + (size_t)block];
            }
            lw_add_block(sums, rows->codes + k * LW_BLOCK_ROWS, codes + k, stride, tokens, bits);
        }
        const __m256 lo = lw_load_scales(w, rows->scales, row);
        const __m256 hi = lw_load_scales(w, rows->scales, row + 8);
        if (rows->zeros == NULL) {
            for (int t = 0; t < tokens; t++) {
                const __m256i zero = lw_zero_sums(w, NULL, 0, less, x_sum[t]);
                acc[t][0] = lw_add_group(acc[t][0], lo, sums[t][0], zero);
                acc[t][1] = lw_add_group(acc[t][1], hi, sums[t][1], zero);
            }
            continue;
        }
        const __m256i zero_lo = lw_load_zeros(rows->zeros, row, less);
        const __m256i zero_hi = lw_load_zeros(rows->zeros, row + 8, less);
        for (int t = 0; t < tokens; t++) {
            acc[t][0] = lw_add_group(acc[t][0], lo, sums[t][0], lw_mul_zeros(zero_lo, x_sum[t]));
            acc[t][1] = lw_add_group(acc[t][1], hi, sums[t][1], lw_mul_zeros(zero_hi, x_sum[t]));
        }
    }
    for (int t = 0; t < tokens; t++) {
        const __m256 scale = _mm256_set1_ps(x->scales[token + t]);
        float *target = y + (size_t)(token + t) * y_stride;
        lw_store_rows(target, rows->rows, _mm256_mul_ps(acc[t][0], scale));
        lw_store_rows(target + 8, rows->rows - 8, _mm256_mul_ps(acc[t][1], scale));
    }
}

/* y of 16 rows for all tokens; y points at the first row. `bits` is a constant. */
LW_INLINE void lw_gemm_rows(int bits, const lw_matrix *w, const lw_row_block *rows, const lw_q8 *x,
                            int32_t tokens, float *y, size_t y_stride) {
    int32_t t = 0;
    for (; t + 4 <= tokens; t += 4) {
        lw_gemm_tokens(4, bits, w, rows, x, t, y, y_stride);
    }
    if (tokens - t == 3) {
        lw_gemm_tokens(3, bits, w, rows, x, t, y, y_stride);
    } else if (tokens - t == 2) {
        lw_gemm_tokens(2, bits, w, rows, x, t, y, y_stride);
    } else if (tokens - t == 1) {
        lw_gemm_tokens(1, bits, w, rows, x, t, y, y_stride);
    }
}

/* The same for a width known at run time; widths with the same run share code. */
static inline void lw_gemm_rows_any(const lw_matrix *w, const lw_row_block *rows, const lw_q8 *x,
                                    int32_t tokens, float *y, size_t y_stride) {
    switch (w->bits) {
    case 8:
        lw_gemm_rows(8, w, rows, x, tokens, y, y_stride);
        break;
    case 7:
        lw_gemm_rows(7, w, rows, x, tokens, y, y_stride);
        break;
    case 6:
        lw_gemm_rows(6, w, rows, x, tokens, y, y_stride);
        break;
    case 5:
        lw_gemm_rows(5, w, rows, x, tokens, y, y_stride);
        break;
    default:
        lw_gemm_rows(4, w, rows, x, tokens, y, y_stride);
        break;
    }
}

#endif
