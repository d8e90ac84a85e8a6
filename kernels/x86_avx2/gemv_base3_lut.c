/* Layout base3, one token, by lookup (base3.h): 160 weights are a load, the parts u and v of 32
 * bytes, four VPSHUFB and four additions.
 *
 *   low, high   bytes of 32 rows, over LW_BASE3_RUN column tiles
 *   words       low + 25 * high of even and of odd rows, over 25 column tiles: at most 15875
 *   sums        int32
 *
 * Two row tiles in turn read the tables of 25 column tiles, which stay in the first-level cache
 * beside what is fetched for both. (More of either would not: tables share a quarter of its sets.)
 * They lie half of the range apart, so that memory sees streams that never jump.
 */
#include "../kernels.h"
#include "base3.h"

enum { WORD_TILES = 25, SHARED_TILES = 2, AHEAD = WORD_TILES };

typedef struct {
    __m256i low, high;
} row_digits;

typedef struct {
    __m256i even, odd;
} row_words;

LW_INLINE __m256i load_table(const uint8_t *table) {
    return _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(const void *)table));
}

/* As lw_add_words, of bytes. */
LW_INLINE __m256i add_bytes(__m256i sums, __m256i digits) {
    sums = _mm256_add_epi8(sums, digits);
    __asm__("" : "+x"(sums));
    return sums;
}

/* Add one column tile of 64 rows. */
LW_INLINE void add_tile(row_digits d[2], const uint8_t *codes, const uint8_t *table) {
    const __m256i v_low = load_table(table + LW_BASE3_V_LOW);
    const __m256i v_high = load_table(table + LW_BASE3_V_HIGH);
    const __m256i u_low = load_table(table + LW_BASE3_U_LOW);
    const __m256i u_high = load_table(table + LW_BASE3_U_HIGH);
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        const __m256i bytes = _mm256_load_si256((const __m256i *)(const void *)(codes + 32 * i));
        const __m256i u = lw_base3_part_u(bytes);
        const __m256i v = lw_base3_part_v(bytes, u);
        const __m256i index = _mm256_abs_epi8(v);
        d[i].low = add_bytes(d[i].low, _mm256_shuffle_epi8(u_low, u));
        d[i].high = add_bytes(d[i].high, _mm256_shuffle_epi8(u_high, u));
        const __m256i low = _mm256_shuffle_epi8(v_low, index);
        const __m256i high = _mm256_shuffle_epi8(v_high, index);
        d[i].low = add_bytes(d[i].low, _mm256_sign_epi8(low, v));
        d[i].high = add_bytes(d[i].high, _mm256_sign_epi8(high, v));
    }
}

/* words + low + 25 * high of the even rows (shift 0) or the odd ones (shift 8). */
LW_INLINE __m256i join_digits(__m256i words, row_digits d, int shift) {
    const __m256i one = _mm256_set1_epi16((short)(1 << shift));
    const __m256i base = _mm256_set1_epi16((short)(LW_BASE3_BASE << shift));
    return _mm256_add_epi16(words, _mm256_add_epi16(_mm256_maddubs_epi16(one, d.low),
                                                    _mm256_maddubs_epi16(base, d.high)));
}

/* sums[0..8) += values */
LW_INLINE void widen(int32_t *sums, __m128i values) {
    __m256i *target = (__m256i *)sums;
    const __m256i wide = _mm256_cvtepi16_epi32(values);
    _mm256_store_si256(target, _mm256_add_epi32(_mm256_load_si256(target), wide));
}

/* Add `count` <= LW_BASE3_RUN column tiles; a constant for all but the last run of a row. */
LW_INLINE void add_tiles(row_words words[2], const uint8_t *codes, const uint8_t *tables,
                         int32_t count) {
    row_digits d[2] = {{_mm256_setzero_si256(), _mm256_setzero_si256()},
                       {_mm256_setzero_si256(), _mm256_setzero_si256()}};
#pragma GCC unroll 5
    for (int32_t i = 0; i < count; i++) {
        _mm_prefetch((const char *)(codes + (i + AHEAD) * LW_BASE3_ROWS), _MM_HINT_T0);
        add_tile(d, codes + i * LW_BASE3_ROWS, tables + i * LW_BASE3_TABLE);
    }
    for (int i = 0; i < 2; i++) {
        words[i].even = join_digits(words[i].even, d[i], 0);
        words[i].odd = join_digits(words[i].odd, d[i], 8);
    }
}

/* Add `count` <= WORD_TILES column tiles to the sums of 64 rows. */
static void add_run(int32_t *sums, const uint8_t *codes, const uint8_t *tables, int32_t count) {
    row_words words[2] = {{_mm256_setzero_si256(), _mm256_setzero_si256()},
                          {_mm256_setzero_si256(), _mm256_setzero_si256()}};
    for (; count >= LW_BASE3_RUN; count -= LW_BASE3_RUN) {
        add_tiles(words, codes, tables, LW_BASE3_RUN);
        codes += LW_BASE3_RUN * LW_BASE3_ROWS;
        tables += LW_BASE3_RUN * LW_BASE3_TABLE;
    }
    if (count > 0) {
        add_tiles(words, codes, tables, count);
    }
    for (int i = 0; i < 2; i++, sums += 32) {
        /* unpacking works on 128-bit halves: rows 0-7 and 16-23, then 8-15 and 24-31 */
        const __m256i first = _mm256_unpacklo_epi16(words[i].even, words[i].odd);
        const __m256i second = _mm256_unpackhi_epi16(words[i].even, words[i].odd);
        widen(sums, _mm256_castsi256_si128(first));
        widen(sums + 8, _mm256_castsi256_si128(second));
        widen(sums + 16, _mm256_extracti128_si256(first, 1));
        widen(sums + 24, _mm256_extracti128_si256(second, 1));
    }
}

/* y of row tiles tile, tile + step ..., `count` of them. */
static void gemv_tiles(const lw_matrix *w, const lw_q8 *x, const uint8_t *lut, float *y,
                       int32_t tile, int32_t step, int32_t count) {
    const int32_t column_tiles = (int32_t)(((uint32_t)w->cols + LW_BASE3_COLS - 1) / LW_BASE3_COLS);
    const size_t row_tile_bytes = (size_t)column_tiles * LW_BASE3_ROWS;
    const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
    const size_t apart = (size_t)step * row_tile_bytes;
    _Alignas(32) int32_t sums[SHARED_TILES][LW_BASE3_ROWS] = {{0}};
    for (int32_t c = 0; c < column_tiles; c += WORD_TILES) {
        const int32_t run = lw_min_i32(WORD_TILES, column_tiles - c);
        for (int32_t r = 0; r < count; r++) {
            add_run(sums[r], codes + (size_t)r * apart + (size_t)c * LW_BASE3_ROWS,
                    lut + (size_t)c * LW_BASE3_TABLE, run);
        }
    }
    const __m256 x_scale = _mm256_set1_ps(x->scales[0]);
    for (int32_t r = 0; r < count; r++) {
        for (int32_t i = 0; i < LW_BASE3_ROWS; i += 8) {
            const int32_t row = (tile + r * step) * LW_BASE3_ROWS + i;
            const __m256i sum = _mm256_load_si256((const __m256i *)(sums[r] + i));
            const __m256 acc =
                lw_add_group(_mm256_setzero_ps(), lw_load_scales(w, w->scales, (size_t)row), sum,
                             _mm256_setzero_si256());
            lw_store_rows(y + row, w->rows - row, _mm256_mul_ps(acc, x_scale));
        }
    }
}

void lw_gemv_base3_lut_avx2(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                            int32_t tile_begin, int32_t tile_end) {
    const int32_t step = (tile_end - tile_begin) / SHARED_TILES;
    for (int32_t tile = tile_begin; tile < tile_begin + step; tile++) {
        gemv_tiles(w, x, lut, y, tile, step, SHARED_TILES);
    }
    const int32_t rest = tile_begin + SHARED_TILES * step;
    gemv_tiles(w, x, lut, y, rest, 1, tile_end - rest);
}
