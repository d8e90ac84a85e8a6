/* Layout base3, one token, by arithmetic: with q_i = floor(byte / 3^i), digit i is q_i - 3 q_(i+1),
 * so
 *
 *   sum of digit_i * x_i = q_0 * x_0 + sum over i = 1..4 of q_i * (x_i - 3 x_(i-1))
 *
 * and the digits themselves are never formed. A register of 32 rows is split in even and odd rows,
 * 16 words each; q_i is one VPMULHUW by ceil(2^16 / 3^i), exact for bytes. Products wrap at 16
 * bits, but the sum over a column tile is at most 5 * 2 * 127 = 1270, so sums of 25 column tiles
 * (31750) are exact modulo 2^16.
 *
 * Four row tiles share the weights x_i - 3 x_(i-1), computed once per run of 25 column tiles.
 */
#include "../kernels.h"
#include "codes.h"

enum { TILE_ROWS = 64, TILE_COLS = 5, RUN_TILES = 25, SHARED_TILES = 4 };

/* Weights of column tiles [0, count), each twice in a dword so that a plain dword broadcast loads
 * it. */
static void load_weights(const int8_t *x, int32_t count, int32_t weights[RUN_TILES * TILE_COLS]) {
    for (int32_t i = 0; i < count * TILE_COLS; i++) {
        const int32_t weight = i % TILE_COLS == 0 ? x[i] : x[i] - 3 * x[i - 1];
        weights[i] = (int32_t)(((uint32_t)weight & 0xffffu) * 0x10001u);
    }
}

/* sums + the column tile's sums of 16 rows, one byte in each word. */
LW_INLINE __m256i add_words(__m256i sums, __m256i bytes, const __m256i weights[TILE_COLS]) {
    const __m256i q1 = _mm256_mulhi_epu16(bytes, _mm256_set1_epi16(21846));
    const __m256i q2 = _mm256_mulhi_epu16(bytes, _mm256_set1_epi16(7282));
    const __m256i q3 = _mm256_mulhi_epu16(bytes, _mm256_set1_epi16(2428));
    const __m256i q4 = _mm256_mulhi_epu16(bytes, _mm256_set1_epi16(810));
    const __m256i a =
        _mm256_add_epi16(_mm256_mullo_epi16(bytes, weights[0]), _mm256_mullo_epi16(q1, weights[1]));
    const __m256i b =
        _mm256_add_epi16(_mm256_mullo_epi16(q2, weights[2]), _mm256_mullo_epi16(q3, weights[3]));
    const __m256i c = _mm256_add_epi16(sums, _mm256_mullo_epi16(q4, weights[4]));
    return _mm256_add_epi16(_mm256_add_epi16(a, b), c);
}

LW_INLINE void widen(int32_t *sums, __m128i values) {
    __m256i *target = (__m256i *)sums;
    const __m256i wide = _mm256_cvtepi16_epi32(values);
    _mm256_store_si256(target, _mm256_add_epi32(_mm256_load_si256(target), wide));
}

/* Add `count` <= RUN_TILES column tiles to the sums of 64 rows. */
static void add_run(int32_t *sums, const uint8_t *codes, const int32_t *weights, int32_t count) {
    __m256i even[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    __m256i odd[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int32_t i = 0; i < count; i++) {
        /* this row tile's next run, after the other row tiles had their turn */
        _mm_prefetch((const char *)(codes + (i + RUN_TILES) * TILE_ROWS), _MM_HINT_T0);
        __m256i weight[TILE_COLS];
        for (int j = 0; j < TILE_COLS; j++) {
            weight[j] = _mm256_set1_epi32(weights[i * TILE_COLS + j]);
        }
        for (int half = 0; half < 2; half++) {
            const __m256i bytes =
                _mm256_load_si256((const __m256i *)(codes + i * TILE_ROWS + half * 32));
            const __m256i low = _mm256_and_si256(bytes, _mm256_set1_epi16(0xff));
            even[half] = add_words(even[half], low, weight);
            odd[half] = add_words(odd[half], _mm256_srli_epi16(bytes, 8), weight);
        }
    }
    for (int half = 0; half < 2; half++) {
        const __m256i lo = _mm256_unpacklo_epi16(even[half], odd[half]); /* rows 0-7, 16-23 */
        const __m256i hi = _mm256_unpackhi_epi16(even[half], odd[half]); /* rows 8-15, 24-31 */
        widen(sums + half * 32, _mm256_castsi256_si128(lo));
        widen(sums + half * 32 + 8, _mm256_castsi256_si128(hi));
        widen(sums + half * 32 + 16, _mm256_extracti128_si256(lo, 1));
        widen(sums + half * 32 + 24, _mm256_extracti128_si256(hi, 1));
    }
}

void lw_gemv_base3_mul_avx2(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                            int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    const int32_t column_tiles = (int32_t)(((uint32_t)w->cols + TILE_COLS - 1) / TILE_COLS);
    const size_t row_tile_bytes = (size_t)column_tiles * TILE_ROWS;
    const __m256i zero = lw_zero_sums(w, NULL, 0, 0, lw_x_sum(x->sums, 0, lw_blocks(w)));
    const __m256 x_scale = _mm256_set1_ps(x->scales[0]);
    for (int32_t tile = tile_begin; tile < tile_end; tile += SHARED_TILES) {
        const int32_t tiles = lw_min_i32(SHARED_TILES, tile_end - tile);
        const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
        _Alignas(32) int32_t sums[SHARED_TILES * TILE_ROWS] = {0};
        for (int32_t c = 0; c < column_tiles; c += RUN_TILES) {
            const int32_t run = lw_min_i32(RUN_TILES, column_tiles - c);
            int32_t weights[RUN_TILES * TILE_COLS];
            load_weights(x->codes + c * TILE_COLS, run, weights);
            for (int32_t i = 0; i < tiles; i++) {
                add_run(sums + i * TILE_ROWS,
                        codes + (size_t)i * row_tile_bytes + (size_t)c * TILE_ROWS, weights, run);
            }
        }
        const float *scales = (const float *)w->scales + (size_t)tile * TILE_ROWS;
        for (int32_t i = 0; i < tiles * TILE_ROWS; i += 8) {
            const int32_t first = tile * TILE_ROWS + i;
            const __m256i s = _mm256_load_si256((const __m256i *)(sums + i));
            const __m256 acc =
                lw_add_group(_mm256_setzero_ps(), _mm256_loadu_ps(scales + i), s, zero);
            lw_store_rows(y + first, w->rows - first, _mm256_mul_ps(acc, x_scale));
        }
    }
}
