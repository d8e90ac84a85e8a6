/* Bit planes by lookup: the two nibbles of a byte vector (64 rows x 8 columns of one plane) index
 * tables of 16 int16 subset sums (lut_planes.c), held in every 128-bit lane.
 *
 *   index    zmm & 0x0f: columns 0..3 of 64 rows; (zmm >> 4) & 0x0f: columns 4..7
 *   low      vpshufb(table of low bytes, index); high alike
 *   words    unpack(low, high): int16 sums, rows 16i .. 16i+7 and 16i+8 .. 16i+15 in lane i
 *
 * Two row tiles share the tables. Words of one plane are added in int16 over a span of at most 256
 * columns, |sum| <= 256 * 127 = 32512 < 2^15, then widened and added times 2^plane.
 */
#include "../kernels.h"
#include "matrix.h"

enum {
    ROWS = LW_MAX_TILE_ROWS,
    COLS = 32,
    VECTOR = 64,
    PLANE = 256, /* bytes of one plane of a tile */
    TABLE = 32,
    VECTOR_TABLES = 2, /* tables that one vector of codes indexes */
    SPAN = 256,
    TILES = 2, /* in flight */
};

LW_INLINE __m512i load_table(const uint8_t *table) {
    return _mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)(const void *)table));
}

/* The int16 sums of one plane and row tile. */
typedef struct {
    __m512i first, second;
} words;

/* Add 4 columns: indices for 64 rows, low and high bytes of the table. */
LW_INLINE void add_lookup(words *sum, __m512i index, __m512i low, __m512i high) {
    const __m512i l = _mm512_shuffle_epi8(low, index);
    const __m512i h = _mm512_shuffle_epi8(high, index);
    sum->first = _mm512_add_epi16(sum->first, _mm512_unpacklo_epi8(l, h));
    sum->second = _mm512_add_epi16(sum->second, _mm512_unpackhi_epi8(l, h));
}

/* total[i], rows 16i .. 16i+15, += words * 2^plane. */
LW_INLINE void widen(__m512i total[4], words sum, unsigned plane) {
    const __m512i lanes01 = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    const __m512i lanes23 = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    const __m512i rows[2] = {_mm512_permutex2var_epi64(sum.first, lanes01, sum.second),
                             _mm512_permutex2var_epi64(sum.first, lanes23, sum.second)};
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m256i half = _mm512_extracti64x4_epi64(rows[i / 2], 1);
        const __m512i wide =
            _mm512_cvtepi16_epi32(i % 2 == 0 ? _mm512_castsi512_si256(rows[i / 2]) : half);
        total[i] = _mm512_add_epi32(total[i], _mm512_slli_epi32(wide, plane));
    }
}

/* One plane of `count` row tiles over `tiles` column tiles. */
LW_INLINE void add_plane(words sum[TILES], const uint8_t *codes, size_t row_tile_bytes,
                         size_t tile_bytes, const uint8_t *tables, int32_t tiles, const int count) {
    const __m512i nibble = _mm512_set1_epi8(0x0f);
    for (int32_t c = 0; c < tiles; c++, codes += tile_bytes) {
#pragma GCC unroll 4
        for (int v = 0; v < PLANE / VECTOR; v++, tables += VECTOR_TABLES * TABLE) {
            const __m512i low0 = load_table(tables);
            const __m512i high0 = load_table(tables + TABLE / 2);
            const __m512i low1 = load_table(tables + TABLE);
            const __m512i high1 = load_table(tables + TABLE + TABLE / 2);
#pragma GCC unroll 2
            for (int r = 0; r < count; r++) {
                const __m512i bytes = _mm512_load_si512(
                    (const void *)(codes + (size_t)r * row_tile_bytes + v * VECTOR));
                add_lookup(&sum[r], _mm512_and_si512(bytes, nibble), low0, high0);
                add_lookup(&sum[r], _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble), low1,
                           high1);
            }
        }
    }
}

/* `count` row tiles from `tile` on. */
LW_INLINE void gemv_tiles(const lw_matrix *w, const lw_q8 *x, const uint8_t *lut, float *y,
                          int32_t tile, const int count) {
    const size_t tile_bytes = (size_t)w->bits * PLANE;
    const size_t row_tile_bytes = (size_t)lw_ceil_div(w->cols, COLS) * tile_bytes;
    const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
    const int32_t group_cols = w->group != 0 ? w->group : w->cols;
    const size_t groups = (size_t)lw_ceil_div(w->cols, group_cols);
    __m512 acc[TILES][4];
#pragma GCC unroll 8
    for (int i = 0; i < 4 * count; i++) {
        acc[i / 4][i % 4] = _mm512_setzero_ps();
    }
    for (size_t g = 0; g < groups; g++) {
        const int32_t begin = (int32_t)g * group_cols;
        const int32_t end = lw_min_i32(w->cols - begin, group_cols) + begin;
        __m512i total[TILES][4];
#pragma GCC unroll 8
        for (int i = 0; i < 4 * count; i++) {
            total[i / 4][i % 4] = lw_sum_start(w->offset, x->sums, begin, end);
        }
        for (int32_t k = begin; k < end; k += SPAN) {
            const int32_t tiles = lw_ceil_div(lw_min_i32(end - k, SPAN), COLS);
            const uint8_t *span = codes + (size_t)(k / COLS) * tile_bytes;
            for (int32_t p = 0; p < w->bits; p++) {
                words sum[TILES];
#pragma GCC unroll 2
                for (int r = 0; r < count; r++) {
                    sum[r] = (words){_mm512_setzero_si512(), _mm512_setzero_si512()};
                }
                add_plane(sum, span + (size_t)p * PLANE, row_tile_bytes, tile_bytes,
                          lut + (size_t)(k / 4) * TABLE, tiles, count);
#pragma GCC unroll 2
                for (int r = 0; r < count; r++) {
                    widen(total[r], sum[r], (unsigned)p);
                }
            }
        }
#pragma GCC unroll 8
        for (int i = 0; i < 4 * count; i++) {
            const size_t at = ((size_t)(tile + i / 4) * groups + g) * ROWS + (size_t)(i % 4) * 16;
            acc[i / 4][i % 4] =
                lw_add_scaled(acc[i / 4][i % 4], lw_scales(w, at), total[i / 4][i % 4]);
        }
    }
    for (int i = 0; i < 4 * count; i++) {
        lw_store_rows(y, tile * ROWS + i * LW_LANES, w->rows,
                      _mm512_mul_ps(acc[i / 4][i % 4], _mm512_set1_ps(x->scales[0])));
    }
}

void lw_gemv_planes_lut_avx512(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                               int32_t tile_begin, int32_t tile_end) {
    int32_t tile = tile_begin;
    for (; tile + TILES <= tile_end; tile += TILES) {
        gemv_tiles(w, x, lut, y, tile, TILES);
    }
    for (; tile < tile_end; tile++) {
        gemv_tiles(w, x, lut, y, tile, 1);
    }
}
