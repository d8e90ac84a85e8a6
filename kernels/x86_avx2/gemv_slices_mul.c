/* Layout slices, one token: codes of 4 columns lie in a dword per row, so a shift and a mask feed
 * VPMADDUBSW.
 *
 *   ymm of codes   row 0: c0 c1 c2 c3 | row 1: c0 c1 c2 c3 | ... row 7      (two of them: 16 rows)
 *   ymm of x              x0 x1 x2 x3 |        x0 x1 x2 x3 | ...            (a broadcast dword)
 *
 * A slice of w bits gives 16-bit sums over the 32 columns of a tile (exact up to w = 4, see
 * codes.h); one VPMADDWD per tile widens them and multiplies by the slice's weight 2^shift. Slices
 * of 8 bits widen after each product.
 */
#include "../kernels.h"
#include "codes.h"

typedef struct {
    __m256i lo; /* rows 0-7 */
    __m256i hi; /* rows 8-15 */
} row_sums;

/* Sums of one tile for a slice of `width` <= 4 bits, a constant. */
LW_INLINE row_sums add_slice(row_sums sums, const uint8_t *slice, const int8_t *x, int width,
                             int shift) {
    const __m256i mask = _mm256_set1_epi8((char)((1 << width) - 1));
    __m256i lo = _mm256_setzero_si256();
    __m256i hi = _mm256_setzero_si256();
    for (int vector = 0; vector < width; vector++) {
        __m256i codes_lo = _mm256_load_si256((const __m256i *)(slice + vector * 64));
        __m256i codes_hi = _mm256_load_si256((const __m256i *)(slice + vector * 64 + 32));
        for (int j = 0; j < 8 / width; j++) {
            const __m256i x4 = lw_broadcast4(x + vector * (LW_BLOCK_COLS / width) + j * 4);
            lo = _mm256_add_epi16(lo, _mm256_maddubs_epi16(_mm256_and_si256(codes_lo, mask), x4));
            hi = _mm256_add_epi16(hi, _mm256_maddubs_epi16(_mm256_and_si256(codes_hi, mask), x4));
            codes_lo = _mm256_srli_epi16(codes_lo, width);
            codes_hi = _mm256_srli_epi16(codes_hi, width);
        }
    }
    const __m256i weight = _mm256_set1_epi16((short)(1 << shift));
    sums.lo = _mm256_add_epi32(sums.lo, _mm256_madd_epi16(lo, weight));
    sums.hi = _mm256_add_epi32(sums.hi, _mm256_madd_epi16(hi, weight));
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
    if (bits == 8) {
        return add_bytes(sums, tile, x);
    }
    int shift = 0;
    for (int width = 4; width > 0; width /= 2) {
        if ((bits & width) != 0) {
            sums = add_slice(sums, tile + shift * 64, x, width, shift);
            shift += width;
        }
    }
    return sums;
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

void lw_gemv_slices_mul_avx2(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
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
