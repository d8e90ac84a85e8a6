/* Bit planes by lookup: the two nibbles of a byte vector (64 rows x 8 columns of one plane) index
 * tables of 16 subset sums, held as two digits in every 128-bit lane (lut_planes.c).
 *
 *   index   zmm & 0x0f: columns 0..3 of 64 rows; (zmm >> 4) & 0x0f: columns 4..7
 *   digits  bytes low += vpshufb(low digits, index), high alike: 8 tables without a carry
 *   words   vpmaddubsw: low + 32 * high of the even rows, and of the odd rows
 *
 * Two row tiles share the tables. Words of one plane are added in uint16 over a span of at most 8
 * column tiles, 8 * 8 * (31 + 32 * 31) = 65472 < 2^16, then widened and added times 2^plane (2 for
 * codes of 1 bit). The bias of the tables is removed where a sum starts.
 */
#include "../kernels.h"
#include "../planes.h"
#include "matrix.h"

enum {
    ROWS = LW_MAX_TILE_ROWS,
    VECTORS = ROWS / LW_LANES,
    COLS = 32,
    VECTOR = 64,
    PLANE = 256, /* bytes of one plane of a tile */
    TILE_TABLES = COLS / LW_PLANES_COLS,
    SPAN_TILES = 8,
    TILES = 2, /* in flight */
};

/* uint16 sums of one plane and row tile: rows 2i and 2i + 1 in word i. */
typedef struct {
    lw_u16x32 even, odd;
} words;

LW_INLINE __m512i load_digits(const uint8_t *table) {
    return _mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)(const void *)table));
}

/* low + base * high of the even rows (shift 0) or the odd ones (shift 8), as words. */
LW_INLINE lw_u16x32 join_digits(lw_u8x64 low, lw_u8x64 high, int shift) {
    const __m512i one = _mm512_set1_epi16((int16_t)(1 << shift));
    const __m512i base = _mm512_set1_epi16((int16_t)(LW_PLANES_BASE << shift));
    return (lw_u16x32)_mm512_add_epi16(_mm512_maddubs_epi16((__m512i)low, one),
                                       _mm512_maddubs_epi16((__m512i)high, base));
}

/* One plane of `count` row tiles over `tiles` column tiles, at most SPAN_TILES. */
LW_INLINE void add_plane(words sum[TILES], const uint8_t *codes, size_t row_tile_bytes,
                         size_t tile_bytes, const uint8_t *tables, int32_t tiles, const int count) {
    const __m512i nibble = _mm512_set1_epi8(0x0f);
    const size_t next = (size_t)count * row_tile_bytes; /* to the row tiles that come after */
    for (int32_t c = 0; c < tiles; c++, codes += tile_bytes) {
        lw_u8x64 low[TILES], high[TILES];
#pragma GCC unroll 2
        for (int r = 0; r < count; r++) {
            low[r] = (lw_u8x64)_mm512_setzero_si512();
            high[r] = (lw_u8x64)_mm512_setzero_si512();
        }
#pragma GCC unroll 4
        for (int v = 0; v < PLANE / VECTOR; v++) {
#pragma GCC unroll 2
            for (int r = 0; r < count; r++) { /* the hardware sees no stream in a plane */
                const uint8_t *vector = codes + (size_t)r * row_tile_bytes + v * VECTOR;
                _mm_prefetch((const char *)(vector + next), _MM_HINT_T1);
            }
#pragma GCC unroll 2
            for (int half = 0; half < 2; half++, tables += LW_PLANES_TABLE) {
                const __m512i low_digits = load_digits(tables);
                const __m512i high_digits = load_digits(tables + LW_PLANES_ENTRIES);
#pragma GCC unroll 2
                for (int r = 0; r < count; r++) {
                    const __m512i bytes = _mm512_load_si512(
                        (const void *)(codes + (size_t)r * row_tile_bytes + v * VECTOR));
                    const __m512i index =
                        _mm512_and_si512(half == 0 ? bytes : _mm512_srli_epi16(bytes, 4), nibble);
                    low[r] += (lw_u8x64)_mm512_shuffle_epi8(low_digits, index);
                    high[r] += (lw_u8x64)_mm512_shuffle_epi8(high_digits, index);
                }
            }
        }
#pragma GCC unroll 2
        for (int r = 0; r < count; r++) {
            sum[r].even += join_digits(low[r], high[r], 0);
            sum[r].odd += join_digits(low[r], high[r], 8);
        }
    }
}

/* total[i], rows 16i .. 16i+15, += words * 2^plane. */
LW_INLINE void widen(__m512i total[VECTORS], words sum, unsigned plane) {
    const __m512i lanes01 = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    const __m512i lanes23 = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    const __m512i first =
        _mm512_unpacklo_epi16((__m512i)sum.even, (__m512i)sum.odd); /* rows 0..7 of each 16 */
    const __m512i second = _mm512_unpackhi_epi16((__m512i)sum.even, (__m512i)sum.odd);
    const __m512i rows[2] = {_mm512_permutex2var_epi64(first, lanes01, second),
                             _mm512_permutex2var_epi64(first, lanes23, second)};
#pragma GCC unroll 4
    for (int i = 0; i < VECTORS; i++) {
        const __m256i half = _mm512_extracti64x4_epi64(rows[i / 2], 1);
        const __m512i wide =
            _mm512_cvtepu16_epi32(i % 2 == 0 ? _mm512_castsi512_si256(rows[i / 2]) : half);
        total[i] = _mm512_add_epi32(total[i], _mm512_slli_epi32(wide, plane));
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
    const int32_t first = w->bits == 1 ? 1 : 0; /* log2 of the weight of plane 0 */
    __m512 acc[TILES][VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < VECTORS * count; i++) {
        acc[i / VECTORS][i % VECTORS] = _mm512_setzero_ps();
    }
    for (size_t g = 0; g < groups; g++) {
        const int32_t begin = (int32_t)g * group_cols;
        const int32_t end = lw_min_i32(w->cols - begin, group_cols) + begin;
        int32_t tiles = lw_ceil_div(end - begin, COLS);
        const int32_t bias = (LW_PLANES_BIAS * TILE_TABLES * ((1 << w->bits) - 1)) << first;
        const int32_t x_sum = -lw_sum_start(1, x->sums, begin, end);
        __m512i total[TILES][VECTORS];
#pragma GCC unroll 8
        for (int i = 0; i < VECTORS * count; i++) {
            const size_t at = ((size_t)(tile + i / VECTORS) * groups + g) * ROWS +
                              (size_t)(i % VECTORS) * LW_LANES;
            total[i / VECTORS][i % VECTORS] =
                _mm512_sub_epi32(lw_zero_starts(w, at, x_sum), _mm512_set1_epi32(bias * tiles));
        }
        const uint8_t *tables = lut + (size_t)(begin / LW_PLANES_COLS) * LW_PLANES_TABLE;
        for (; tiles > 0; tiles -= SPAN_TILES) {
            const int32_t n = lw_min_i32(tiles, SPAN_TILES);
            for (int32_t p = 0; p < w->bits; p++) {
                words sum[TILES];
#pragma GCC unroll 2
                for (int r = 0; r < count; r++) {
                    sum[r] = (words){(lw_u16x32)_mm512_setzero_si512(),
                                     (lw_u16x32)_mm512_setzero_si512()};
                }
                add_plane(sum, codes + (size_t)p * PLANE, row_tile_bytes, tile_bytes, tables, n,
                          count);
#pragma GCC unroll 2
                for (int r = 0; r < count; r++) {
                    widen(total[r], sum[r], (unsigned)(first + p));
                }
            }
            codes += (size_t)n * tile_bytes;
            tables += (size_t)(n * TILE_TABLES) * LW_PLANES_TABLE;
        }
#pragma GCC unroll 8
        for (int i = 0; i < VECTORS * count; i++) {
            const size_t at = ((size_t)(tile + i / VECTORS) * groups + g) * ROWS +
                              (size_t)(i % VECTORS) * LW_LANES;
            acc[i / VECTORS][i % VECTORS] = lw_add_scaled(
                acc[i / VECTORS][i % VECTORS], lw_scales(w, at), total[i / VECTORS][i % VECTORS]);
        }
    }
    for (int i = 0; i < VECTORS * count; i++) {
        lw_store_rows(y, tile * ROWS + i * LW_LANES, w->rows,
                      _mm512_mul_ps(acc[i / VECTORS][i % VECTORS], _mm512_set1_ps(x->scales[0])));
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
