/* Layout fields, one token: codes of 4 columns lie in a dword per row, and a field feeds
 * VPMADDUBSW.
 *
 *   ymm of codes   row 0: c0 c1 c2 c3 | row 1: c0 c1 c2 c3 | ... row 7      (two of them: 16 rows)
 *   ymm of x              x0 x1 x2 x3 |        x0 x1 x2 x3 | ...            (a broadcast dword)
 *
 * 16-bit sums run over as many fields as stay exact (codes.h), then one VPMADDWD widens them. Codes
 * of 8 bits widen after each product, codes of 2 bits after two column tiles (pairs.h).
 */
#include "../kernels.h"
#include "fields.h"
#include "pairs.h"

enum { TILES = 2 }; /* in flight */

/* Sums of one tile of codes of `bits` <= 7 bits, a constant. */
LW_INLINE lw_row_sums add_fields(lw_row_sums sums, const uint8_t *tile, const int8_t *x, int bits) {
    const __m256i ones = _mm256_set1_epi16(1);
    const int run = lw_min_i32(lw_exact_run(bits), LW_FIELDS);
#pragma GCC unroll 8
    for (int first = 0; first < LW_FIELDS; first += run) {
        __m256i lo = _mm256_setzero_si256();
        __m256i hi = _mm256_setzero_si256();
#pragma GCC unroll 8
        for (int field = first; field < first + run; field++) {
            const __m256i x4 = lw_broadcast4(x + field * LW_FIELD_COLS);
            lo = lw_add_words(lo, _mm256_maddubs_epi16(lw_field(tile, 0, bits, field), x4));
            hi = lw_add_words(hi, _mm256_maddubs_epi16(lw_field(tile, 1, bits, field), x4));
        }
        sums.lo = _mm256_add_epi32(sums.lo, _mm256_madd_epi16(lo, ones));
        sums.hi = _mm256_add_epi32(sums.hi, _mm256_madd_epi16(hi, ones));
    }
    return sums;
}

/* Sums of one tile of 8-bit codes minus 128. */
LW_INLINE lw_row_sums add_bytes(lw_row_sums sums, const uint8_t *tile, const int8_t *x) {
    const __m256i ones = _mm256_set1_epi16(1);
    const __m256i flip = _mm256_set1_epi8((char)0x80);
    for (int step = 0; step < 8; step++) {
        const __m256i x4 = lw_broadcast4(x + step * 4);
        const __m256i lo = _mm256_load_si256((const __m256i *)(tile + step * 64));
        const __m256i hi = _mm256_load_si256((const __m256i *)(tile + step * 64 + 32));
        const __m256i products_lo = lw_mul_signed(_mm256_xor_si256(lo, flip), x4);
        const __m256i products_hi = lw_mul_signed(_mm256_xor_si256(hi, flip), x4);
        sums.lo = _mm256_add_epi32(sums.lo, _mm256_madd_epi16(products_lo, ones));
        sums.hi = _mm256_add_epi32(sums.hi, _mm256_madd_epi16(products_hi, ones));
    }
    return sums;
}

/* `bits` is a constant. */
LW_INLINE lw_row_sums add_tile(lw_row_sums sums, const uint8_t *tile, const int8_t *x, int bits) {
    return bits == 8 ? add_bytes(sums, tile, x) : add_fields(sums, tile, x, bits);
}

/* Row tiles tile, tile + step ..., `count` of them, 1 or TILES; count and bits are constants. */
LW_INLINE void gemv_tiles(int bits, int count, const lw_matrix *w, const lw_q8 *x, float *y,
                          int32_t tile, int32_t step) {
    const size_t tile_bytes = (size_t)bits * LW_FIELDS_VECTOR;
    const int32_t less = bits == 8 ? 128 : 0;
    const int32_t blocks = lw_blocks(w);
    const int32_t group_blocks = lw_group_blocks(w);
    const size_t apart = (size_t)step * (size_t)blocks * tile_bytes;
    const uint8_t *codes = w->codes + (size_t)tile * (size_t)blocks * tile_bytes;
    const void *scales[TILES];
    const uint8_t *zeros[TILES];
    __m256 acc[TILES][2];
    for (int r = 0; r < count; r++) {
        scales[r] = lw_tile_scales(w, LW_FIELDS_ROWS, tile + r * step, 0);
        zeros[r] = lw_tile_zeros(w, LW_FIELDS_ROWS, tile + r * step, 0);
        acc[r][0] = acc[r][1] = _mm256_setzero_ps();
    }
    size_t row = 0;
    for (int32_t block = 0; block < blocks; row += LW_FIELDS_ROWS) {
        const int32_t end = block + lw_min_i32(group_blocks, blocks - block);
        lw_row_sums sums[TILES];
        int32_t x_sum = 0;
        for (int r = 0; r < count; r++) {
            sums[r] = (lw_row_sums){_mm256_setzero_si256(), _mm256_setzero_si256()};
        }
        for (; bits == 2 && block + LW_PAIR_TILES <= end; block += LW_PAIR_TILES) {
            for (int r = 0; r < count; r++) {
                sums[r] = lw_add_pair_tiles(sums[r], codes + (size_t)r * apart,
                                            x->codes + block * LW_BLOCK_COLS);
            }
            x_sum += lw_x_sum(x->sums, block, block + LW_PAIR_TILES);
            codes += LW_PAIR_TILES * tile_bytes;
        }
        for (; block < end; block++, codes += tile_bytes) {
            for (int r = 0; r < count; r++) {
                sums[r] = add_tile(sums[r], codes + (size_t)r * apart,
                                   x->codes + block * LW_BLOCK_COLS, bits);
            }
            x_sum += x->sums[block];
        }
        for (int r = 0; r < count; r++) {
            const __m256 lo = lw_load_scales(w, scales[r], row);
            const __m256 hi = lw_load_scales(w, scales[r], row + 8);
            const __m256i zero_lo = lw_zero_sums(w, zeros[r], row, less, x_sum);
            const __m256i zero_hi = lw_zero_sums(w, zeros[r], row + 8, less, x_sum);
            acc[r][0] = lw_add_group(acc[r][0], lo, sums[r].lo, zero_lo);
            acc[r][1] = lw_add_group(acc[r][1], hi, sums[r].hi, zero_hi);
        }
    }
    const __m256 scale = _mm256_set1_ps(x->scales[0]);
    for (int r = 0; r < count; r++) {
        const int32_t first = (tile + r * step) * LW_FIELDS_ROWS;
        lw_store_rows(y + first, w->rows - first, _mm256_mul_ps(acc[r][0], scale));
        lw_store_rows(y + first + 8, w->rows - first - 8, _mm256_mul_ps(acc[r][1], scale));
    }
}

LW_INLINE void gemv(int bits, const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile_begin,
                    int32_t tile_end) {
    /* Scales make a second stream, and the hardware prefetches well what two row tiles far apart
     * read; with one scale per row a single stream of codes is faster. */
    const int32_t step = w->group != 0 ? (tile_end - tile_begin) / TILES : 0;
    for (int32_t i = 0; i < step; i++) {
        gemv_tiles(bits, TILES, w, x, y, tile_begin + i, step);
    }
    for (int32_t tile = tile_begin + TILES * step; tile < tile_end; tile++) {
        gemv_tiles(bits, 1, w, x, y, tile, 1);
    }
}

void lw_gemv_fields_mul_avx2(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                             int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    switch (w->bits) {
    case 1:
        gemv(1, w, x, y, tile_begin, tile_end);
        break;
    case 2:
        gemv(2, w, x, y, tile_begin, tile_end);
        break;
    case 3:
        gemv(3, w, x, y, tile_begin, tile_end);
        break;
    case 4:
        gemv(4, w, x, y, tile_begin, tile_end);
        break;
    case 5:
        gemv(5, w, x, y, tile_begin, tile_end);
        break;
    case 6:
        gemv(6, w, x, y, tile_begin, tile_end);
        break;
    case 7:
        gemv(7, w, x, y, tile_begin, tile_end);
        break;
    default:
        gemv(8, w, x, y, tile_begin, tile_end);
        break;
    }
}
