/* Layout planes, one token, by lookup: 4 columns of one bit plane are an index into a table of 16
 * sums, held as two base-32 digits (planes.h).
 *
 *   index   ymm & 0x0f: columns 8v .. 8v+3 of 32 rows; (ymm >> 4) & 0x0f: the next 4 columns
 *   digits  bytes low += vpshufb(low digits, index), high alike: 8 tables without a carry
 *   words   vpmaddubsw: low + 32 * high of the even rows, and of the odd rows
 *
 * Words are added in uint16 over a run of 8 tiles, 8 * 8 * (31 + 32 * 31) = 65472 < 2^16; then
 * plane p joins the 32-bit row sums with weight 2^p (2 for codes of 1 bit). The bias of the tables
 * is removed once a group.
 */
#include "../kernels.h"
#include "../planes.h"
#include "codes.h"

enum { TILE_ROWS = 64, RUN_BLOCKS = 8, TABLES_PER_BLOCK = 8, PLANE_BYTES = 256 };

/* uint16 sums of 32 rows: rows 2i and 2i + 1 in word i. */
typedef struct {
    __m256i even, odd;
} row_sums;

/* low + base * high of the even rows (shift 0) or the odd ones (shift 8). */
LW_INLINE __m256i join_digits(__m256i low, __m256i high, int shift) {
    const __m256i one = _mm256_set1_epi16((short)(1 << shift));
    const __m256i base = _mm256_set1_epi16((short)(LW_PLANES_BASE << shift));
    return _mm256_add_epi16(_mm256_maddubs_epi16(low, one), _mm256_maddubs_epi16(high, base));
}

/* Add one plane of one tile, 32 of its 64 rows. */
LW_INLINE row_sums add_tile(row_sums sums, const uint8_t *plane, const uint8_t *tables) {
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_setzero_si256();
    __m256i high = _mm256_setzero_si256();
    for (int vector = 0; vector < 4; vector++) {
        const __m256i bytes = _mm256_load_si256((const __m256i *)(plane + vector * TILE_ROWS));
        for (int half = 0; half < 2; half++, tables += LW_PLANES_TABLE) {
            const __m256i low_digits =
                _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)tables));
            const __m256i high_digits =
                _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)tables + 1));
            const __m256i index =
                _mm256_and_si256(half == 0 ? bytes : _mm256_srli_epi16(bytes, 4), nibble);
            low = _mm256_add_epi8(low, _mm256_shuffle_epi8(low_digits, index));
            high = _mm256_add_epi8(high, _mm256_shuffle_epi8(high_digits, index));
        }
    }
    sums.even = _mm256_add_epi16(sums.even, join_digits(low, high, 0));
    sums.odd = _mm256_add_epi16(sums.odd, join_digits(low, high, 8));
    return sums;
}

/* sums[0..8) += 16-bit values << shift */
LW_INLINE void widen(int32_t *sums, __m128i values, int shift) {
    const __m256i wide = _mm256_slli_epi32(_mm256_cvtepu16_epi32(values), shift);
    __m256i *target = (__m256i *)sums;
    _mm256_store_si256(target, _mm256_add_epi32(_mm256_load_si256(target), wide));
}

/* Add one plane of `blocks` <= RUN_BLOCKS consecutive tiles, tile_bytes apart, to the sums of 64
 * rows. */
LW_INLINE void add_plane(int32_t *sums, const uint8_t *plane, size_t tile_bytes,
                         const uint8_t *tables, int32_t blocks, int shift) {
    row_sums rows[2] = {{_mm256_setzero_si256(), _mm256_setzero_si256()},
                        {_mm256_setzero_si256(), _mm256_setzero_si256()}};
    for (int32_t block = 0; block < blocks; block++) {
        /* the same plane of the next run: strides of whole tiles are not prefetched in hardware */
        for (int vector = 0; vector < 4; vector++) {
            _mm_prefetch((const char *)(plane + RUN_BLOCKS * tile_bytes + vector * TILE_ROWS),
                         _MM_HINT_T0);
        }
        rows[0] = add_tile(rows[0], plane, tables);
        rows[1] = add_tile(rows[1], plane + 32, tables);
        plane += tile_bytes;
        tables += TABLES_PER_BLOCK * LW_PLANES_TABLE;
    }
    for (int half = 0; half < 2; half++) {
        /* unpacking works on 128-bit halves: rows 0-7 and 16-23, then 8-15 and 24-31 */
        const __m256i first = _mm256_unpacklo_epi16(rows[half].even, rows[half].odd);
        const __m256i second = _mm256_unpackhi_epi16(rows[half].even, rows[half].odd);
        widen(sums + half * 32, _mm256_castsi256_si128(first), shift);
        widen(sums + half * 32 + 8, _mm256_castsi256_si128(second), shift);
        widen(sums + half * 32 + 16, _mm256_extracti128_si256(first, 1), shift);
        widen(sums + half * 32 + 24, _mm256_extracti128_si256(second, 1), shift);
    }
}

void lw_gemv_planes_lut_avx2(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                             int32_t tile_begin, int32_t tile_end) {
    const size_t tile_bytes = (size_t)w->bits * PLANE_BYTES;
    const int32_t blocks = lw_blocks(w);
    const int32_t group_blocks = lw_group_blocks(w);
    const int first = w->bits == 1 ? 1 : 0; /* log2 of the weight of plane 0 */
    const int32_t tile_bias = (LW_PLANES_BIAS * TABLES_PER_BLOCK * ((1 << w->bits) - 1)) << first;
    const __m256 x_scale = _mm256_set1_ps(x->scales[0]);
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const uint8_t *codes = w->codes + (size_t)tile * (size_t)blocks * tile_bytes;
        const void *scales = lw_tile_scales(w, TILE_ROWS, tile, 0);
        const uint8_t *zeros = lw_tile_zeros(w, TILE_ROWS, tile, 0);
        __m256 acc[TILE_ROWS / 8];
        for (int i = 0; i < TILE_ROWS / 8; i++) {
            acc[i] = _mm256_setzero_ps();
        }
        size_t row = 0;
        for (int32_t block = 0; block < blocks; row += TILE_ROWS) {
            const int32_t begin = block;
            const int32_t end = block + lw_min_i32(group_blocks, blocks - block);
            _Alignas(32) int32_t sums[TILE_ROWS] = {0};
            while (block < end) {
                const int32_t run = lw_min_i32(RUN_BLOCKS, end - block);
                const uint8_t *tables =
                    (const uint8_t *)lut + (size_t)block * (TABLES_PER_BLOCK * LW_PLANES_TABLE);
                for (int plane = 0; plane < w->bits; plane++) {
                    add_plane(sums, codes + plane * PLANE_BYTES, tile_bytes, tables, run,
                              first + plane);
                }
                codes += (size_t)run * tile_bytes;
                block += run;
            }
            const int32_t x_sum = lw_x_sum(x->sums, begin, end);
            const __m256i bias = _mm256_set1_epi32(tile_bias * (end - begin));
            for (int i = 0; i < TILE_ROWS / 8; i++) {
                const size_t at = row + (size_t)i * 8;
                const __m256i sum =
                    _mm256_sub_epi32(_mm256_load_si256((const __m256i *)(sums + i * 8)), bias);
                acc[i] = lw_add_group(acc[i], lw_load_scales(w, scales, at), sum,
                                      lw_zero_sums(w, zeros, at, 0, x_sum));
            }
        }
        for (int i = 0; i < TILE_ROWS / 8; i++) {
            const int32_t top = tile * TILE_ROWS + i * 8;
            lw_store_rows(y + top, w->rows - top, _mm256_mul_ps(acc[i], x_scale));
        }
    }
}
