/* Base-3 codes times int8, for blocks of up to eight tokens. Each block decodes the codes anew, in
 * registers (base3_digits.h): from four tokens on the multiplier hides that, and nothing is
 * unpacked to memory.
 *
 *   digit    zmm = 16 rows x one digit of four column tiles, that is four columns 5 apart
 *   x        the activations of these columns, brought together once a call, then broadcast
 *   sum      int32, rows x tokens in 16 registers: 4 zmm x up to 4 tokens, or 2 x up to 8; two zmm
 *            of a pair have quads of rows in turn, and are put in order once, at the end
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

/* A row tile and some tokens. */
typedef struct {
    const uint8_t *codes; /* of the whole steps */
    const uint8_t *rest;  /* of the last step, if it is not whole */
    int32_t whole_steps;
    int32_t steps;
    const int8_t *x; /* permuted */
    size_t x_stride;
    const float *x_scales; /* of a token each, as starts */
    const int32_t *starts; /* see lw_sum_start */
    const float *scales;   /* of a row each */
    float *y;
    size_t y_stride;
    int32_t rows; /* of the matrix, from the first of the tile on */
} block;

/* Rows 0 to 7 and 16 to 23 in one register. */
LW_INLINE __m512 load_halves(const float *scales) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_load_ps(scales)),
                              _mm256_load_ps(scales + LW_LANES), 1);
}

/* As far as there are rows. (A masked extract to memory would fault where a masked store does not.)
 */
LW_INLINE void store_halves(float *y, int32_t rows, __m512 value) {
    _mm512_mask_storeu_ps(y, lw_lanes(rows) & 0x00ff, value);
    _mm512_mask_storeu_ps(y + 8, lw_lanes(rows - 8) & 0xff00, value);
}

/* The row tile for `count` tokens, as far as `pairs` pairs of zmm from `first` on have its rows:
 * of every 16 rows pair p has 8p to 8p + 7. */
LW_INLINE void multiply(const block *b, const int first, const int pairs, const int count) {
    lw_i32x16 sum[BLOCK_TOKENS][VECTORS];
#pragma GCC unroll 8
    for (int t = 0; t < count; t++) {
#pragma GCC unroll 4
        for (int v = 2 * first; v < 2 * (first + pairs); v++) {
            sum[t][v] = (lw_i32x16)_mm512_set1_epi32(b->starts[t]);
        }
    }
    for (int t = 0; t < count && first == 0; t++) { /* what the end writes */
        for (int32_t row = 0; row < lw_min_i32(b->rows, ROWS); row += LW_LANES) {
            __builtin_prefetch(b->y + (size_t)t * b->y_stride + row, 1);
        }
    }
    const size_t x_stride = b->x_stride;
    const uint8_t *codes = b->whole_steps > 0 ? b->codes : b->rest;
    const int8_t *x = b->x;
    for (int32_t s = 1; s <= b->steps; s++) {
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
        codes = s == b->whole_steps ? b->rest : codes + LW_BASE3_STEP_BYTES;
        x += LW_BASE3_STEP_COLS;
    }
    const __m512i quads[2] = {_mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                              _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15)};
#pragma GCC unroll 2
    for (int p = first; p < first + pairs; p++) {
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            const int row = 8 * p + 2 * LW_LANES * half;
            const __m512 scales = load_halves(b->scales + row);
#pragma GCC unroll 8
            for (int t = 0; t < count; t++) {
                const __m512i s = _mm512_permutex2var_epi64((__m512i)sum[t][2 * p], quads[half],
                                                            (__m512i)sum[t][2 * p + 1]);
                const __m512 acc = lw_add_scaled(_mm512_setzero_ps(), scales, s);
                store_halves(b->y + (size_t)t * b->y_stride + row, b->rows - row,
                             _mm512_mul_ps(acc, _mm512_set1_ps(b->x_scales[t])));
            }
        }
    }
}

/* Not inlined, so that each has the registers to itself. */
#define MULTIPLY(count, first, pairs)                                                              \
    static __attribute__((noinline)) void multiply_##count##_##first(const block *b) {             \
        multiply(b, first, pairs, count);                                                          \
    }
MULTIPLY(1, 0, 2)
MULTIPLY(2, 0, 2)
MULTIPLY(3, 0, 2)
MULTIPLY(4, 0, 2)
MULTIPLY(5, 0, 1)
MULTIPLY(6, 0, 1)
MULTIPLY(7, 0, 1)
MULTIPLY(8, 0, 1)
MULTIPLY(5, 1, 1)
MULTIPLY(6, 1, 1)
MULTIPLY(7, 1, 1)
MULTIPLY(8, 1, 1)
typedef void multiply_fn(const block *b);
static multiply_fn *const by_count[BLOCK_TOKENS][2] = {{multiply_1_0},
                                                       {multiply_2_0},
                                                       {multiply_3_0},
                                                       {multiply_4_0},
                                                       {multiply_5_0, multiply_5_1},
                                                       {multiply_6_0, multiply_6_1},
                                                       {multiply_7_0, multiply_7_1},
                                                       {multiply_8_0, multiply_8_1}};

/* One row tile, for `tokens` tokens from b->x on. */
static void multiply_tile(const lw_matrix *w, int32_t tile, block b, int32_t tokens) {
    const int32_t column_tiles = lw_ceil_div(w->cols, LW_BASE3_COLS);
    _Alignas(64) uint8_t rest[LW_BASE3_STEP_BYTES];
    b.codes = w->codes + (size_t)tile * (size_t)column_tiles * LW_BASE3_VECTOR;
    memset(rest, 0, sizeof rest);
    memcpy(rest, b.codes + (size_t)b.whole_steps * LW_BASE3_STEP_BYTES,
           (size_t)(column_tiles % LW_BASE3_STEP_TILES) * LW_BASE3_VECTOR);
    b.rest = rest;
    b.scales = (const float *)w->scales + (size_t)tile * ROWS;
    b.y += (size_t)tile * ROWS;
    b.rows = w->rows - tile * ROWS;
    for (; tokens > 0; tokens -= BLOCK_TOKENS) {
        multiply_fn *const *halves = by_count[lw_min_i32(BLOCK_TOKENS, tokens) - 1];
        for (int half = 0; half < 2 && halves[half] != NULL; half++) {
            halves[half](&b);
        }
        b.x += BLOCK_TOKENS * b.x_stride;
        b.x_scales += BLOCK_TOKENS;
        b.starts += BLOCK_TOKENS;
        b.y += BLOCK_TOKENS * b.y_stride;
    }
}

void lw_gemm_base3_mul_avx512(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                              size_t y_stride, int32_t tile_begin, int32_t tile_end,
                              void *scratch) {
    const int32_t steps = lw_ceil_div(w->cols, LW_BASE3_STEP_COLS);
    const int32_t cols = steps * LW_BASE3_STEP_COLS;
    const size_t sums_stride = (size_t)(x->stride / LW_SUM_COLS);
    int8_t *const permuted = scratch;
    int32_t starts[SCRATCH_TOKENS];
    for (int32_t from = 0; from < tokens; from += SCRATCH_TOKENS) {
        const int32_t count = lw_min_i32(tokens - from, SCRATCH_TOKENS);
        for (int32_t t = 0; t < count; t++) {
            const size_t token = (size_t)(from + t);
            lw_base3_permute(permuted + (size_t)t * (size_t)cols,
                             x->codes + token * (size_t)x->stride, cols);
            starts[t] = lw_sum_start(w->offset, x->sums + token * sums_stride, 0, w->cols);
        }
        const block b = {.whole_steps = lw_ceil_div(w->cols, LW_BASE3_COLS) / LW_BASE3_STEP_TILES,
                         .steps = steps,
                         .x = permuted,
                         .x_stride = (size_t)cols,
                         .x_scales = x->scales + from,
                         .starts = starts,
                         .y = y + (size_t)from * y_stride,
                         .y_stride = y_stride};
        for (int32_t tile = tile_begin; tile < tile_end; tile++) {
            multiply_tile(w, tile, b, count);
        }
    }
}
