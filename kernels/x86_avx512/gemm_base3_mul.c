/* Base-3 codes times int8, for blocks of up to eight tokens. Each block decodes the codes anew, in
 * registers (base3_digits.h): from four tokens on the multiplier hides that, and nothing is
 * unpacked to memory.
 *
 *   digit    zmm = 16 rows x one digit of four column tiles, that is four columns 5 apart
 *   x        the activations of these columns, brought together once a call, then broadcast
 *   sum      int32, rows x tokens in 16 registers: 4 zmm x up to 4 tokens, or 2 x up to 8
 *
 * Needs ternary codes: offset 1, one scale per row.
 */
#include "../kernels.h"
#include "base3_digits.h"

#include <string.h>

enum {
    ROWS = LW_MAX_TILE_ROWS,
    VECTORS = ROWS / LW_LANES,
    BLOCK_TOKENS = 8,
    SCRATCH_TOKENS = 64,          /* lw_gemm_scratch_bytes holds so many */
    AHEAD = 48 * LW_BASE3_VECTOR, /* of prefetches, on into the next row tile */
};

/* Sums of codes with their offset, of a row tile and some tokens. */
typedef struct {
    _Alignas(64) int32_t sums[BLOCK_TOKENS][ROWS];
} block;

/* b->sums += `steps` steps of `pairs` pairs of zmm from `first` on, for `count` tokens. */
LW_INLINE void add_steps(block *b, const uint8_t *codes, const int8_t *x, size_t x_stride,
                         int32_t steps, const int first, const int pairs, const int count) {
    lw_i32x16 sum[BLOCK_TOKENS][VECTORS];
#pragma GCC unroll 8
    for (int t = 0; t < count; t++) {
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            sum[t][v] = (lw_i32x16)_mm512_setzero_si512();
        }
    }
    for (int32_t s = 0; s < steps; s++, codes += LW_BASE3_STEP_BYTES, x += LW_BASE3_STEP_COLS) {
#pragma GCC unroll 4
        for (int i = 0; i < LW_BASE3_STEP_TILES && first == 0; i++) {
            _mm_prefetch((const char *)(codes + AHEAD + i * LW_BASE3_VECTOR), _MM_HINT_T0);
        }
#pragma GCC unroll 2
        for (int p = first; p < first + pairs; p++) {
            __m512i code[LW_BASE3_PAIR];
            lw_base3_transpose(code, codes, p);
            const lw_base3_digits d[LW_BASE3_PAIR] = {lw_base3_decode(code[0]),
                                                      lw_base3_decode(code[1])};
#pragma GCC unroll 5
            for (int j = 0; j < LW_BASE3_COLS; j++) {
                const __m512i digit[LW_BASE3_PAIR] = {lw_base3_digit(d[0], j),
                                                      lw_base3_digit(d[1], j)};
#pragma GCC unroll 8
                for (int t = 0; t < count; t++) {
                    int32_t four;
                    memcpy(&four, x + (size_t)t * x_stride + j * LW_BASE3_STEP_TILES, sizeof four);
                    sum[t][2 * p] = lw_dot4(sum[t][2 * p], digit[0], four);
                    sum[t][2 * p + 1] = lw_dot4(sum[t][2 * p + 1], digit[1], four);
                }
                __asm__ volatile("" ::: "memory");
            }
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < count; t++) {
#pragma GCC unroll 4
        for (int v = 2 * first; v < 2 * (first + pairs); v++) {
            __m128i *rows = (__m128i *)(void *)(b->sums[t] + 4 * v);
#pragma GCC unroll 4
            for (int q = 0; q < VECTORS; q++) {
                const __m128i quad = _mm512_extracti32x4_epi32((__m512i)sum[t][v], q);
                _mm_store_si128(rows + 4 * q, _mm_add_epi32(_mm_load_si128(rows + 4 * q), quad));
            }
        }
    }
}

/* Not inlined, so that each has the registers to itself. */
#define ADD_STEPS(count, first, pairs)                                                             \
    static __attribute__((noinline)) void add_steps_##count##_##first(                             \
        block *b, const uint8_t *codes, const int8_t *x, size_t x_stride, int32_t steps) {         \
        add_steps(b, codes, x, x_stride, steps, first, pairs, count);                              \
    }
ADD_STEPS(1, 0, 2)
ADD_STEPS(2, 0, 2)
ADD_STEPS(3, 0, 2)
ADD_STEPS(4, 0, 2)
ADD_STEPS(5, 0, 1)
ADD_STEPS(6, 0, 1)
ADD_STEPS(7, 0, 1)
ADD_STEPS(8, 0, 1)
ADD_STEPS(5, 1, 1)
ADD_STEPS(6, 1, 1)
ADD_STEPS(7, 1, 1)
ADD_STEPS(8, 1, 1)
typedef void add_steps_fn(block *b, const uint8_t *codes, const int8_t *x, size_t x_stride,
                          int32_t steps);
static add_steps_fn *const by_count[BLOCK_TOKENS][2] = {
    {add_steps_1_0},
    {add_steps_2_0},
    {add_steps_3_0},
    {add_steps_4_0},
    {add_steps_5_0, add_steps_5_1},
    {add_steps_6_0, add_steps_6_1},
    {add_steps_7_0, add_steps_7_1},
    {add_steps_8_0, add_steps_8_1},
};

/* y of one row tile and `count` tokens from `token` on, whose permuted activations start at `x`. */
static void multiply(const lw_matrix *w, const lw_q8 *x, const int8_t *permuted, int32_t token,
                     int32_t count, int32_t tile, float *y, size_t y_stride) {
    const int32_t tiles = lw_ceil_div(w->cols, LW_BASE3_COLS);
    const uint8_t *codes = w->codes + (size_t)tile * (size_t)tiles * LW_BASE3_VECTOR;
    const int32_t steps = tiles / LW_BASE3_STEP_TILES;
    const size_t x_stride = (size_t)lw_ceil_div(tiles, LW_BASE3_STEP_TILES) * LW_BASE3_STEP_COLS;
    /* the last step, if it is not whole */
    _Alignas(64) uint8_t rest[LW_BASE3_STEP_BYTES];
    memset(rest, 0, sizeof rest);
    memcpy(rest, codes + (size_t)steps * LW_BASE3_STEP_BYTES,
           (size_t)(tiles % LW_BASE3_STEP_TILES) * LW_BASE3_VECTOR);
    block b;
    memset(b.sums, 0, sizeof b.sums);
    for (int half = 0; half < 2 && by_count[count - 1][half] != NULL; half++) {
        by_count[count - 1][half](&b, codes, permuted, x_stride, steps);
        by_count[count - 1][half](&b, rest, permuted + (size_t)steps * LW_BASE3_STEP_COLS, x_stride,
                                  tiles % LW_BASE3_STEP_TILES != 0);
    }
    for (int32_t t = 0; t < count; t++) {
        const int32_t *x_sums = x->sums + (size_t)(token + t) * (size_t)(x->stride / LW_SUM_COLS);
        const __m512i start = _mm512_set1_epi32(lw_sum_start(w->offset, x_sums, 0, w->cols));
        const __m512 x_scale = _mm512_set1_ps(x->scales[token + t]);
        for (int v = 0; v < VECTORS; v++) {
            const int32_t row = tile * ROWS + v * LW_LANES;
            const __m512i sum =
                _mm512_add_epi32(start, _mm512_load_si512(b.sums[t] + v * LW_LANES));
            const __m512 acc = lw_add_scaled(_mm512_setzero_ps(), lw_scales(w, (size_t)row), sum);
            lw_store_rows(y + (size_t)(token + t) * y_stride, row, w->rows,
                          _mm512_mul_ps(acc, x_scale));
        }
    }
}

void lw_gemm_base3_mul_avx512(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                              size_t y_stride, int32_t tile_begin, int32_t tile_end,
                              void *scratch) {
    const int32_t cols = lw_ceil_div(w->cols, LW_BASE3_STEP_COLS) * LW_BASE3_STEP_COLS;
    for (int32_t from = 0; from < tokens; from += SCRATCH_TOKENS) {
        const int32_t end = lw_min_i32(tokens, from + SCRATCH_TOKENS);
        int8_t *permuted = scratch;
        for (int32_t t = from; t < end; t++, permuted += cols) {
            lw_base3_permute(permuted, x->codes + (size_t)t * (size_t)x->stride, cols);
        }
        for (int32_t tile = tile_begin; tile < tile_end; tile++) {
            permuted = scratch;
            for (int32_t t = from; t < end; t += BLOCK_TOKENS) {
                multiply(w, x, permuted, t, lw_min_i32(BLOCK_TOKENS, end - t), tile, y, y_stride);
                permuted += BLOCK_TOKENS * (size_t)cols;
            }
        }
    }
}
