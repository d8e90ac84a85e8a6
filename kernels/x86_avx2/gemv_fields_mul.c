/* Layout fields, one token: codes of 4 columns lie in a dword per row, and a field feeds
 * VPMADDUBSW.
 *
 *   ymm of codes   row 0: c0 c1 c2 c3 | row 1: c0 c1 c2 c3 | ... row 7      (two of them: 16 rows)
 *   ymm of x              x0 x1 x2 x3 |        x0 x1 x2 x3 | ...            (a broadcast dword)
 *
 * 16-bit sums run over as many fields as stay exact (codes.h), then one VPMADDWD widens them. Codes
 * of 8 bits widen after each product.
 */
#include "../kernels.h"
#include "fields.h"

typedef struct {
    __m256i lo; /* rows 0-7 */
    __m256i hi; /* rows 8-15 */
} row_sums;

/* Sums of one tile of codes of `bits` <= 7 bits, a constant. */
LW_INLINE row_sums add_fields(row_sums sums, const uint8_t *tile, const int8_t *x, int bits) {
    const __m256i ones = _mm256_set1_epi16(1);
    const int run = lw_exact_run(bits);
#pragma GCC unroll 8
    for (int first = 0; first < LW_FIELDS; first += run) {
        __m256i lo = _mm256_setzero_si256();
        __m256i hi = _mm256_setzero_si256();
#pragma GCC unroll 8
        for (int field = first; field < first + run; field++) {
            const __m256i x4 = lw_broadcast4(x + field * LW_FIELD_COLS);
            lo = _mm256_add_epi16(lo, _mm256_maddubs_epi16(lw_field(tile, 0, bits, field), x4));
            hi = _mm256_add_epi16(hi, _mm256_maddubs_epi16(lw_field(tile, 1, bits, field), x4));
        }
        sums.lo = _mm256_add_epi32(sums.lo, _mm256_madd_epi16(lo, ones));
        sums.hi = _mm256_add_epi32(sums.hi, _mm256_madd_epi16(hi, ones));
    }
    return sums;
}

/* Sums of one tile of 8-bit codes minus 128. */
LW_INLINE row_sums add_bytes(row_sums sums, const uint8_t *tile, const int8_t *x) {
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
LW_INLINE row_sums add_tile(row_sums sums, const uint8_t *tile, const int8_t *x, int bits) {
    return bits == 8 ? add_bytes(sums, tile, x) : add_fields(sums, tile, x, bits);
}

LW_INLINE void gemv(int bits, const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile_begin,
                    int32_t tile_end) {
    const size_t tile_bytes = (size_t)bits * 64;
    const int32_t offset = bits == 8 ? w->offset - 128 : w->offset;
    const int32_t blocks = lw_blocks(w);
    const int32_t group_blocks = lw_group_blocks(w);
    const uint8_t *tile_codes = w->codes + (size_t)tile_begin * (size_t)blocks * tile_bytes;
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const void *scales = lw_tile_scales(w, 16, tile, 0);
        __m256 lo = _mm256_setzero_ps();
        __m256 hi = _mm256_setzero_ps();
        size_t row = 0;
        for (int32_t block = 0; block < blocks; row += 16) {
            const int32_t begin = block;
            const int32_t end = block + lw_min_i32(group_blocks, blocks - block);
            row_sums sums = {_mm256_setzero_si256(), _mm256_setzero_si256()};
            for (; block < end; block++) {
                sums = add_tile(sums, tile_codes, x->codes + block * LW_BLOCK_COLS, bits);
                tile_codes += tile_bytes;
            }
            const int32_t zero = offset * lw_x_sum(x->sums, begin, end);
            lo = lw_add_group(lo, lw_load_scales(w, scales, row), sums.lo, zero);
            hi = lw_add_group(hi, lw_load_scales(w, scales, row + 8), sums.hi, zero);
        }
        const __m256 scale = _mm256_set1_ps(x->scales[0]);
        lw_store_rows(y + tile * 16, w->rows - tile * 16, _mm256_mul_ps(lo, scale));
        lw_store_rows(y + tile * 16 + 8, w->rows - tile * 16 - 8, _mm256_mul_ps(hi, scale));
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
