/* Layout planes, one token, by lookup: 4 columns of one bit plane are an index into a table of 16
 * sums (lut_planes.c).
 *
 *   ymm of indices   row 0 | row 1 | ... | row 31        low nibble: columns 8v .. 8v+3, high
 * nibble: the next 4 VPSHUFB twice    low bytes and high bytes of the entries; interleaved they are
 * int16 sums of 16 rows each
 *
 * An entry is a sum of 4 activations, so a plane's sum over up to 256 columns is at most 256 * 127
 * = 32512: int16 holds a run of 8 tiles. After a run plane p joins the 32-bit row sums with weight
 * 2^p.
 */
#include "../kernels.h"
#include "codes.h"

enum { TILE_ROWS = 64, RUN_BLOCKS = 8, TABLE_BYTES = 32, TABLES_PER_BLOCK = 8, PLANE_BYTES = 256 };

/* The 16 + 16 rows of one index register: unpacking works on 128-bit halves, hence the order of the
 * rows. */
typedef struct {
    __m256i lo; /* rows 0-7 and 16-23 */
    __m256i hi; /* rows 8-15 and 24-31 */
} row_sums;

LW_INLINE row_sums look_up(row_sums sums, __m256i index, __m256i table_low, __m256i table_high) {
    const __m256i low = _mm256_shuffle_epi8(table_low, index);
    const __m256i high = _mm256_shuffle_epi8(table_high, index);
    sums.lo = _mm256_add_epi16(sums.lo, _mm256_unpacklo_epi8(low, high));
    sums.hi = _mm256_add_epi16(sums.hi, _mm256_unpackhi_epi8(low, high));
    return sums;
}

/* sums[0..8) += 16-bit values << shift */
LW_INLINE void widen(int32_t *sums, __m128i values, int shift) {
    const __m256i wide = _mm256_slli_epi32(_mm256_cvtepi16_epi32(values), shift);
    __m256i *target = (__m256i *)sums;
    _mm256_store_si256(target, _mm256_add_epi32(_mm256_load_si256(target), wide));
}

/* Add one plane of `blocks` <= RUN_BLOCKS consecutive tiles, tile_bytes apart, to the sums of 64
 * rows. */
LW_INLINE void add_plane(int32_t *sums, const uint8_t *plane, size_t tile_bytes,
                         const uint8_t *tables, int32_t blocks, int shift) {
    const __m256i nibble = _mm256_set1_epi8(15);
    row_sums rows[2] = {{_mm256_setzero_si256(), _mm256_setzero_si256()},
                        {_mm256_setzero_si256(), _mm256_setzero_si256()}};
    for (int32_t block = 0; block < blocks; block++) {
        for (int vector = 0; vector < 4; vector++) {
            const __m128i *t = (const __m128i *)(tables + vector * 2 * TABLE_BYTES);
            const __m256i low0 = _mm256_broadcastsi128_si256(_mm_load_si128(t));
            const __m256i high0 = _mm256_broadcastsi128_si256(_mm_load_si128(t + 1));
            const __m256i low1 = _mm256_broadcastsi128_si256(_mm_load_si128(t + 2));
            const __m256i high1 = _mm256_broadcastsi128_si256(_mm_load_si128(t + 3));
            for (int half = 0; half < 2; half++) {
                const __m256i bytes =
                    _mm256_load_si256((const __m256i *)(plane + vector * TILE_ROWS + half * 32));
                const __m256i first = _mm256_and_si256(bytes, nibble);
                const __m256i second = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
                rows[half] = look_up(rows[half], first, low0, high0);
                rows[half] = look_up(rows[half], second, low1, high1);
            }
        }
        plane += tile_bytes;
        tables += TABLES_PER_BLOCK * TABLE_BYTES;
    }
    for (int half = 0; half < 2; half++) {
        widen(sums + half * 32, _mm256_castsi256_si128(rows[half].lo), shift);
        widen(sums + half * 32 + 8, _mm256_castsi256_si128(rows[half].hi), shift);
        widen(sums + half * 32 + 16, _mm256_extracti128_si256(rows[half].lo, 1), shift);
        widen(sums + half * 32 + 24, _mm256_extracti128_si256(rows[half].hi, 1), shift);
    }
}

void lw_gemv_planes_lut_avx2(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                             int32_t tile_begin, int32_t tile_end) {
    const size_t tile_bytes = (size_t)w->bits * PLANE_BYTES;
    const int32_t blocks = lw_blocks(w);
    const int32_t group_blocks = lw_group_blocks(w);
    const __m256 x_scale = _mm256_set1_ps(x->scales[0]);
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const uint8_t *codes = w->codes + (size_t)tile * (size_t)blocks * tile_bytes;
        const void *scales = lw_tile_scales(w, TILE_ROWS, tile, 0);
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
                    (const uint8_t *)lut + (size_t)block * (TABLES_PER_BLOCK * TABLE_BYTES);
                for (int plane = 0; plane < w->bits; plane++) {
                    add_plane(sums, codes + plane * PLANE_BYTES, tile_bytes, tables, run, plane);
                }
                codes += (size_t)run * tile_bytes;
                block += run;
            }
            const int32_t zero = w->offset * lw_x_sum(x->sums, begin, end);
            for (int i = 0; i < TILE_ROWS / 8; i++) {
                acc[i] = lw_add_group(acc[i], lw_load_scales(w, scales, row + (size_t)i * 8),
                                      _mm256_load_si256((const __m256i *)(sums + i * 8)), zero);
            }
        }
        for (int i = 0; i < TILE_ROWS / 8; i++) {
            const int32_t first = tile * TILE_ROWS + i * 8;
            lw_store_rows(y + first, w->rows - first, _mm256_mul_ps(acc[i], x_scale));
        }
    }
}
