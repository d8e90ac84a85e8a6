/* Base-3 codes by lookup: 64 rows x 5 columns are one byte vector of indices into a table of 243
 * int16 sums (lut_base3.c), whose low and high bytes fill four registers each.
 *
 *   index    zmm = codes of 64 rows
 *   low      vpermi2b(table 0..127 or 128..255 by the top bit of the index), low bytes; high alike
 *   words    unpack(low, high): int16 sums, rows 16i .. 16i+7 and 16i+8 .. 16i+15 in lane i
 *
 * Four row tiles share the eight table registers. A lookup of the upper half merges into the
 * register of the lower half, so no blend is needed. Words are added in int16 over a chunk of
 * CHUNK tables and then widened: |sum| <= 51 * 5 * 127 = 32385 < 2^15. A chunk of tables (26 KB)
 * stays in the first-level cache while BLOCK row tiles pass; their next codes are prefetched, since
 * a row tile is left after each chunk, before the hardware sees a stream.
 *
 * Needs ternary codes: offset 1, one scale per row.
 */
#include "../kernels.h"
#include "matrix.h"

#include <string.h>

enum {
    ROWS = LW_MAX_TILE_ROWS,
    COLS = 5,
    VECTOR = 64,
    TABLE = 512,
    HALF = TABLE / 2,
    CHUNK = 51,
    TILES = 4,    /* in flight */
    BLOCK = 8,    /* row tiles per pass over the tables */
    AHEAD = 4096, /* bytes, more than a chunk of codes */
};

LW_INLINE __m512i load(const uint8_t *bytes) {
    return _mm512_load_si512((const void *)bytes);
}

/* Bytes of a 256-entry table: entries[0..1] where the index is below 128 (`below`), else [2..3]. */
LW_INLINE __m512i lookup(__m512i index, __mmask64 below, const __m512i entries[4]) {
    const __m512i half = _mm512_mask2_permutex2var_epi8(entries[0], index, below, entries[1]);
    return _mm512_mask2_permutex2var_epi8(entries[2], half, ~below, entries[3]);
}

/* sums[0..64) += the words, in row order. */
LW_INLINE void widen(int32_t *sums, __m512i first, __m512i second) {
    const __m512i lanes01 = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    const __m512i lanes23 = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    const __m512i rows[2] = {_mm512_permutex2var_epi64(first, lanes01, second),
                             _mm512_permutex2var_epi64(first, lanes23, second)};
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m256i half = _mm512_extracti64x4_epi64(rows[i / 2], 1);
        const __m256i words = i % 2 == 0 ? _mm512_castsi512_si256(rows[i / 2]) : half;
        void *sum = sums + 16 * i;
        _mm512_store_si512(sum,
                           _mm512_add_epi32(_mm512_load_si512(sum), _mm512_cvtepi16_epi32(words)));
    }
}

/* `tables` tables for `count` row tiles, which lie row_tile_bytes apart. */
LW_INLINE void add_chunk(int32_t sums[][ROWS], const uint8_t *codes, size_t row_tile_bytes,
                         const uint8_t *lut, int32_t tables, const int count) {
    lw_i16x32 first[TILES];
    lw_i16x32 second[TILES];
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        first[r] = (lw_i16x32)_mm512_setzero_si512();
        second[r] = (lw_i16x32)_mm512_setzero_si512();
    }
    for (int32_t i = 0; i < tables; i++, lut += TABLE, codes += VECTOR) {
        const __m512i low[4] = {load(lut), load(lut + 64), load(lut + 128), load(lut + 192)};
        const __m512i high[4] = {load(lut + HALF), load(lut + HALF + 64), load(lut + HALF + 128),
                                 load(lut + HALF + 192)};
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            const size_t at = (size_t)r * row_tile_bytes;
            const __m512i index = load(codes + at);
            const __mmask64 below = ~_mm512_movepi8_mask(index);
            const __m512i l = lookup(index, below, low);
            const __m512i h = lookup(index, below, high);
            _mm_prefetch((const char *)(codes + at + AHEAD), _MM_HINT_T1);
            first[r] += (lw_i16x32)_mm512_unpacklo_epi8(l, h);
            second[r] += (lw_i16x32)_mm512_unpackhi_epi8(l, h);
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        widen(sums[r], (__m512i)first[r], (__m512i)second[r]);
    }
}

void lw_gemv_base3_lut_avx512(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                              int32_t tile_begin, int32_t tile_end) {
    const int32_t tables = lw_ceil_div(w->cols, COLS);
    const size_t row_tile_bytes = (size_t)tables * VECTOR;
    for (int32_t block = tile_begin; block < tile_end; block += BLOCK) {
        const int32_t count = lw_min_i32(BLOCK, tile_end - block);
        const uint8_t *codes = w->codes + (size_t)block * row_tile_bytes;
        int32_t sums[BLOCK][ROWS] __attribute__((aligned(64)));
        memset(sums, 0, sizeof sums);
        for (int32_t i = 0; i < tables; i += CHUNK) {
            const int32_t n = lw_min_i32(CHUNK, tables - i);
            const uint8_t *chunk = (const uint8_t *)lut + (size_t)i * TABLE;
            const uint8_t *at = codes + (size_t)i * VECTOR;
            int32_t r = 0;
            for (; r + TILES <= count; r += TILES) {
                add_chunk(&sums[r], at + (size_t)r * row_tile_bytes, row_tile_bytes, chunk, n,
                          TILES);
            }
            for (; r < count; r++) {
                add_chunk(&sums[r], at + (size_t)r * row_tile_bytes, row_tile_bytes, chunk, n, 1);
            }
        }
        for (int32_t r = 0; r < count; r++) {
            for (int v = 0; v < ROWS; v += LW_LANES) {
                const int32_t row = (block + r) * ROWS + v;
                const __m512 acc = lw_add_scaled(_mm512_setzero_ps(), lw_scales(w, (size_t)row),
                                                 _mm512_load_si512(&sums[r][v]));
                lw_store_rows(y, row, w->rows, _mm512_mul_ps(acc, _mm512_set1_ps(x->scales[0])));
            }
        }
    }
}
