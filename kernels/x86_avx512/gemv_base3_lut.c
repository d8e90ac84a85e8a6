/* Base-3 codes by lookup: 64 rows x 5 columns are one byte vector. Code 242 - c stands for minus
 * the sum of code c, so a table has the sums of codes 121..242 only (lut_base3.c), as two signed
 * bytes low + LW_BASE3_BASE * high, in two registers each.
 *
 *   index   zmm = |codes of 64 rows - 121|; `negative` where the code is below 121
 *   digits  low and high: vpermi2b(table, index), with their sign, added in int8 over RUN tables
 *   sums    vpdpbusd by the weight of the digit at byte i of a dword: int32 of rows 4j + i, lane j
 *
 * |digit| <= 18 and RUN * 18 = 126 < 2^7. Four row tiles share the table registers. They lie a
 * quarter of the range apart, so that memory sees four streams that never jump, and prefetches run
 * AHEAD of each.
 *
 * Needs ternary codes: offset 1, one scale per row.
 */
#include "../kernels.h"
#include "base3.h"
#include "matrix.h"

enum {
    ROWS = LW_MAX_TILE_ROWS,
    VECTOR = 64,
    TILES = 4, /* in flight */
    PHASES = 4,
    RUN = 7,
    AHEAD = 48, /* vectors */
};

LW_INLINE __m512i load(const uint8_t *bytes) {
    return _mm512_load_si512((const void *)bytes);
}

LW_INLINE __m512i lookup(const __m512i table[2], __m512i index, __mmask64 negative) {
    const __m512i digit = _mm512_permutex2var_epi8(table[0], index, table[1]);
    return _mm512_mask_sub_epi8(digit, negative, _mm512_setzero_si512(), digit);
}

/* sums[r][i] += at most RUN tables of `count` row tiles, `apart` bytes from one to the next. */
LW_INLINE void add_run(__m512i sums[TILES][PHASES], const uint8_t *codes, size_t apart,
                       const uint8_t *lut, int32_t tables, const int count) {
    const __m512i zero_sum = _mm512_set1_epi8(LW_BASE3_ZERO);
    lw_i8x64 low[TILES], high[TILES];
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        low[r] = (lw_i8x64)_mm512_setzero_si512();
        high[r] = (lw_i8x64)_mm512_setzero_si512();
    }
    for (int32_t i = 0; i < tables; i++, lut += LW_BASE3_TABLE, codes += VECTOR) {
        const __m512i low_table[2] = {load(lut), load(lut + 64)};
        const __m512i high_table[2] = {load(lut + LW_BASE3_ENTRIES),
                                       load(lut + LW_BASE3_ENTRIES + 64)};
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            const uint8_t *vector = codes + (size_t)r * apart;
            const __m512i code = _mm512_sub_epi8(load(vector), zero_sum);
            const __mmask64 negative = _mm512_movepi8_mask(code);
            const __m512i index = _mm512_abs_epi8(code);
            _mm_prefetch((const char *)(vector + AHEAD * VECTOR), _MM_HINT_T1);
            low[r] += (lw_i8x64)lookup(low_table, index, negative);
            high[r] += (lw_i8x64)lookup(high_table, index, negative);
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
#pragma GCC unroll 4
        for (int i = 0; i < PHASES; i++) {
            const __m512i one = _mm512_set1_epi32(1 << 8 * i);
            const __m512i base = _mm512_set1_epi32(LW_BASE3_BASE << 8 * i);
            sums[r][i] = _mm512_dpbusd_epi32(sums[r][i], one, (__m512i)low[r]);
            sums[r][i] = _mm512_dpbusd_epi32(sums[r][i], base, (__m512i)high[r]);
        }
    }
}

/* Rows 16v .. 16v + 15: row 4j + i is lane j of sums[i]. */
LW_INLINE __m512i rows_of(const __m512i sums[PHASES], int v) {
    const __m512i lanes =
        _mm512_add_epi32(_mm512_set_epi32(19, 3, 19, 3, 18, 2, 18, 2, 17, 1, 17, 1, 16, 0, 16, 0),
                         _mm512_set1_epi32(4 * v));
    return _mm512_mask_blend_epi32(0xcccc, _mm512_permutex2var_epi32(sums[0], lanes, sums[1]),
                                   _mm512_permutex2var_epi32(sums[2], lanes, sums[3]));
}

/* Row tiles tile, tile + step ..., `count` of them. */
LW_INLINE void gemv_tiles(const lw_matrix *w, const lw_q8 *x, const uint8_t *lut, float *y,
                          int32_t tile, int32_t step, const int count) {
    const int32_t tables = lw_ceil_div(w->cols, LW_BASE3_COLS);
    const size_t row_tile_bytes = (size_t)tables * VECTOR;
    const size_t apart = (size_t)step * row_tile_bytes;
    const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
    __m512i sums[TILES][PHASES];
#pragma GCC unroll 16
    for (int i = 0; i < count * PHASES; i++) {
        sums[i / PHASES][i % PHASES] = _mm512_setzero_si512();
    }
    for (int32_t i = 0; i < tables; i += RUN) {
        add_run(sums, codes + (size_t)i * VECTOR, apart, lut + (size_t)i * LW_BASE3_TABLE,
                lw_min_i32(RUN, tables - i), count);
    }
    for (int i = 0; i < count * PHASES; i++) {
        const int32_t row = (tile + i / PHASES * step) * ROWS + i % PHASES * LW_LANES;
        const __m512 acc = lw_add_scaled(_mm512_setzero_ps(), lw_scales(w, (size_t)row),
                                         rows_of(sums[i / PHASES], i % PHASES));
        lw_store_rows(y, row, w->rows, _mm512_mul_ps(acc, _mm512_set1_ps(x->scales[0])));
    }
}

void lw_gemv_base3_lut_avx512(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                              int32_t tile_begin, int32_t tile_end) {
    const int32_t step = (tile_end - tile_begin) / TILES;
    for (int32_t tile = tile_begin; tile < tile_begin + step; tile++) {
        gemv_tiles(w, x, lut, y, tile, step, TILES);
    }
    for (int32_t tile = tile_begin + TILES * step; tile < tile_end; tile++) {
        gemv_tiles(w, x, lut, y, tile, 1, 1);
    }
}
