/* Layout fields, many tokens: a row tile is unpacked once into the order of gemm.h, which is its
 * own order with one code in each byte, then multiplied with every token. */
#include "../kernels.h"
#include "fields.h"
#include "gemm.h"

/* One tile; 8-bit codes become codes minus 128. `bits` is a constant. */
LW_INLINE void unpack_tile(const uint8_t *tile, int bits, uint8_t *codes) {
    const __m256i flip = _mm256_set1_epi8((char)(bits == 8 ? 0x80 : 0));
#pragma GCC unroll 8
    for (int field = 0; field < LW_FIELDS; field++) {
        __m256i *target = (__m256i *)(void *)(codes + field * LW_STEP_BYTES);
        _mm256_store_si256(target, _mm256_xor_si256(lw_field(tile, 0, bits, field), flip));
        _mm256_store_si256(target + 1, _mm256_xor_si256(lw_field(tile, 1, bits, field), flip));
    }
}

LW_INLINE void unpack(const uint8_t *packed, int32_t blocks, int bits, uint8_t *codes) {
    for (int32_t block = 0; block < blocks; block++) {
        unpack_tile(packed, bits, codes);
        packed += LW_FIELDS_VECTOR * bits;
        codes += LW_BLOCK_COLS * LW_BLOCK_ROWS;
    }
}

static void unpack_bits(const uint8_t *packed, int32_t blocks, int32_t bits, uint8_t *codes) {
    switch (bits) {
    case 1:
        unpack(packed, blocks, 1, codes);
        break;
    case 2:
        unpack(packed, blocks, 2, codes);
        break;
    case 3:
        unpack(packed, blocks, 3, codes);
        break;
    case 4:
        unpack(packed, blocks, 4, codes);
        break;
    case 5:
        unpack(packed, blocks, 5, codes);
        break;
    case 6:
        unpack(packed, blocks, 6, codes);
        break;
    case 7:
        unpack(packed, blocks, 7, codes);
        break;
    default:
        unpack(packed, blocks, 8, codes);
        break;
    }
}

void lw_gemm_fields_mul_avx2(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                             size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    const int32_t blocks = lw_blocks(w);
    const size_t tile_bytes = (size_t)w->bits * 64;
    uint8_t *codes = scratch;
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const uint8_t *packed = w->codes + (size_t)tile * (size_t)blocks * tile_bytes;
        unpack_bits(packed, blocks, w->bits, codes);
        const lw_row_block rows = {codes, lw_tile_scales(w, LW_BLOCK_ROWS, tile, 0),
                                   lw_tile_zeros(w, LW_BLOCK_ROWS, tile, 0), LW_BLOCK_ROWS,
                                   w->rows - tile * LW_BLOCK_ROWS};
        lw_gemm_rows_any(w, &rows, x, tokens, y + (size_t)tile * LW_BLOCK_ROWS, y_stride);
    }
}
