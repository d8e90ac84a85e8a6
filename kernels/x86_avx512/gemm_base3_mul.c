/* Base-3 codes times int8, for blocks of up to twelve tokens. Each block decodes the codes anew, in
 * registers (base3_digits.h): from four tokens on the multiplier hides that, and nothing is
 * unpacked to memory.
 *
 *   digit    zmm = 16 rows x one digit of four column tiles, that is four columns 5 apart
 *   x        the activations of these columns, packed once a call (lw_base3_pack), then broadcast
 *   sum      int32, rows x tokens in up to 24 registers: 4 zmm x up to 4 tokens, or 2 x up to 12;
 *            two zmm of a pair have quads of rows in turn, and are put in order once, at the end
 *
 * Needs ternary codes: offset 1, one scale per row.
 */
#include "../kernels.h"
#include "base3_digits.h"

#include <string.h>

enum {
    ROWS = LW_MAX_TILE_ROWS,
    VECTORS = ROWS / LW_LANES,
    PAIRS = VECTORS / LW_BASE3_PAIR,
    BLOCK_TOKENS = 12,
    SCRATCH_TOKENS = 64,          /* lw_gemm_scratch_bytes holds so many */
    AHEAD = 48 * LW_BASE3_VECTOR, /* of prefetches, on into the next row tile */
};

/* A row tile and some tokens. */
typedef struct {
    const uint8_t *codes; /* of the whole steps */
    const uint8_t *rest;  /* of the last step, if it is not whole */
    int32_t whole_steps;
    int32_t steps;
    const int8_t *x;       /* packed, see lw_base3_pack */
    const float *x_scales; /* of a token each, as starts */
    const int32_t *starts; /* see lw_sum_start */
    const float *scales;   /* of a row each */
    float *y;
    size_t y_stride;
    int32_t rows; /* of the matrix, from the first of the tile on */
} block;

/* The row tile for `count` tokens, as far as `pairs` pairs of zmm from `first` on have its rows:
 * of every 16 rows pair p has 8p to 8p + 7. */
LW_INLINE void multiply(const block *b, const int first, const int pairs, const int count) {
    lw_i32x16 sum[BLOCK_TOKENS][VECTORS];
#pragma GCC unroll 12
    for (int t = 0; t < count; t++) {
#pragma GCC unroll 4
        for (int v = 2 * first; v < 2 * (first + pairs); v++) {
            sum[t][v] = (lw_i32x16)_mm512_set1_epi32(b->starts[t]);
        }
    }
    float *const y = b->y;
    const size_t y_stride = b->y_stride;
    const int32_t rows = b->rows;
    for (int t = 0; t < count && first == 0; t++) { /* what the end writes */
        for (int32_t row = 0; row < lw_min_i32(rows, ROWS); row += LW_LANES) {
            __builtin_prefetch(y + (size_t)t * y_stride + row, 1);
        }
    }
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
#pragma GCC unroll 12
                for (int t = 0; t < count; t++) {
                    int32_t four;
                    memcpy(&four, x + t * LW_BASE3_STEP_COLS + j * LW_BASE3_STEP_TILES,
                           sizeof four);
                    sum[t][2 * p] = lw_dot4(sum[t][2 * p], digit[0], four);
                    sum[t][2 * p + 1] = lw_dot4(sum[t][2 * p + 1], digit[1], four);
                }
                __asm__ volatile("" ::: "memory");
            }
        }
        codes = s == b->whole_steps ? b->rest : codes + LW_BASE3_STEP_BYTES;
        x += LW_BASE3_STEP_COLS * count;
    }
    const float *const x_scales = b->x_scales;
    const __m512i quads[2] = {_mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                              _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15)};
#pragma GCC unroll 2
    for (int p = first; p < first + pairs; p++) {
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            const int row = 8 * p + 2 * LW_LANES * half;
            const __m512 scales = lw_base3_load_rows(b->scales + row);
            const __mmask8 low = (__mmask8)lw_lanes(rows - row);
            const __mmask8 high = (__mmask8)lw_lanes(rows - row - LW_LANES);
#pragma GCC unroll 12
            for (int t = 0; t < count; t++) {
                const __m512i s = _mm512_permutex2var_epi64((__m512i)sum[t][2 * p], quads[half],
                                                            (__m512i)sum[t][2 * p + 1]);
                const __m512 value = _mm512_mul_ps(lw_add_scaled(_mm512_setzero_ps(), scales, s),
                                                   _mm512_set1_ps(x_scales[t]));
                lw_base3_store_rows(y + (size_t)t * y_stride + row, low, high, value);
            }
        }
    }
}

/* Not inlined, so that each has the registers to itself. */
#define MULTIPLY(count, first, pairs)                                                              \
    static __attribute__((noinline)) void multiply_##count##_##first(const block *b) {             \
        multiply(b, first, pairs, count);                                                          \
    }
#define MULTIPLY_PAIRS(count) MULTIPLY(count, 0, 1) MULTIPLY(count, 1, 1)
/* clang-format off */
MULTIPLY(1, 0, 2) MULTIPLY(2, 0, 2) MULTIPLY(3, 0, 2) MULTIPLY(4, 0, 2)
MULTIPLY_PAIRS(5) MULTIPLY_PAIRS(6) MULTIPLY_PAIRS(7) MULTIPLY_PAIRS(8)
MULTIPLY_PAIRS(9) MULTIPLY_PAIRS(10) MULTIPLY_PAIRS(11) MULTIPLY_PAIRS(12)
    /* clang-format on */
    typedef void multiply_fn(const block *b);
#define PAIRS_OF(count) {multiply_##count##_0, multiply_##count##_1}
static multiply_fn *const by_count[BLOCK_TOKENS][PAIRS] = {
    {multiply_1_0}, {multiply_2_0}, {multiply_3_0}, {multiply_4_0}, PAIRS_OF(5),  PAIRS_OF(6),
    PAIRS_OF(7),    PAIRS_OF(8),    PAIRS_OF(9),    PAIRS_OF(10),   PAIRS_OF(11), PAIRS_OF(12)};

/* Of so many tokens, those of the next block. */
static int32_t block_of(int32_t tokens) {
    return lw_ceil_div(tokens, lw_ceil_div(tokens, BLOCK_TOKENS));
}

/* One row tile, for `tokens` tokens from b->x on. */
static void multiply_tile(const lw_matrix *w, int32_t tile, block b, int32_t tokens) {
    const int32_t column_tiles = lw_ceil_div(w->cols, LW_BASE3_COLS);
    const size_t cols = (size_t)(b.steps * LW_BASE3_STEP_COLS);
    _Alignas(64) uint8_t rest[LW_BASE3_STEP_BYTES];
    b.codes = w->codes + (size_t)tile * (size_t)column_tiles * LW_BASE3_VECTOR;
    memset(rest, 0, sizeof rest);
    memcpy(rest, b.codes + (size_t)b.whole_steps * LW_BASE3_STEP_BYTES,
           (size_t)(column_tiles % LW_BASE3_STEP_TILES) * LW_BASE3_VECTOR);
    b.rest = rest;
    b.scales = (const float *)w->scales + (size_t)tile * ROWS;
    b.y += (size_t)tile * ROWS;
    b.rows = w->rows - tile * ROWS;
    for (int32_t count; tokens > 0; tokens -= count) {
        count = block_of(tokens);
        for (int pair = 0; pair < PAIRS && by_count[count - 1][pair] != NULL; pair++) {
            by_count[count - 1][pair](&b);
        }
        b.x += (size_t)count * cols;
        b.x_scales += count;
        b.starts += count;
        b.y += (size_t)count * b.y_stride;
    }
}

void lw_gemm_base3_mul_avx512(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                              size_t y_stride, int32_t tile_begin, int32_t tile_end,
                              void *scratch) {
    const int32_t steps = lw_ceil_div(w->cols, LW_BASE3_STEP_COLS);
    const int32_t cols = steps * LW_BASE3_STEP_COLS;
    int32_t starts[SCRATCH_TOKENS];
    for (int32_t from = 0; from < tokens; from += SCRATCH_TOKENS) {
        const int32_t count = lw_min_i32(tokens - from, SCRATCH_TOKENS);
        const lw_q8 at = lw_q8_from(x, from);
        for (int32_t t = 0; t < count; t++) {
            starts[t] = lw_sum_start(w->offset, lw_q8_from(&at, t).sums, 0, w->cols);
        }
        for (int32_t t = 0, packed; t < count; t += packed) {
            packed = block_of(count - t);
            lw_base3_pack((int8_t *)scratch + (size_t)t * (size_t)cols, lw_q8_from(&at, t).codes,
                          (size_t)x->stride, packed, cols);
        }
        const block b = {.whole_steps = lw_ceil_div(w->cols, LW_BASE3_COLS) / LW_BASE3_STEP_TILES,
                         .steps = steps,
                         .x = scratch,
                         .x_scales = at.scales,
                         .starts = starts,
                         .y = y + (size_t)from * y_stride,
                         .y_stride = y_stride};
        for (int32_t tile = tile_begin; tile < tile_end; tile++) {
            multiply_tile(w, tile, b, count);
        }
    }
}
