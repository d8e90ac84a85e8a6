/* Layout slices, many tokens: a row tile is unpacked once into the order of gemm.h, which is its
 * own order with one code in each byte, then multiplied with every token. */
#include "../kernels.h"
#include "gemm.h"

/* Codes of one slice of a tile, shifted up to their place: 8 steps of 64 bytes, added to what wider
 * slices left. */
LW_INLINE void unpack_slice(const uint8_t *slice, int width, int shift, uint8_t *codes) {
    const __m256i mask = _mm256_set1_epi8((char)((1 << width) - 1));
    for (int vector = 0; vector < width * 2; vector++) {
        __m256i packed = _mm256_load_si256((const __m256i *)(slice + vector * 32));
        for (int j = 0; j < 8 / width; j++) {
            const int step = vector / 2 * (8 / width) + j;
            __m256i *target = (__m256i *)(codes + step * LW_STEP_BYTES + vector % 2 * 32);
            __m256i code = _mm256_slli_epi16(_mm256_and_si256(packed, mask), shift);
            if (shift > 0) {
                code = _mm256_or_si256(code, _mm256_load_si256(target));
            }
            _mm256_store_si256(target, code);
            packed = _mm256_srli_epi16(packed, width);
        }
    }
}

static void unpack_tile(const uint8_t *tile, int bits, uint8_t *codes) {
    if (bits == 8) {
        for (int i = 0; i < LW_BLOCK_COLS * LW_BLOCK_ROWS; i++) {
            codes[i] = tile[i] ^ 0x80;
        }
        return;
    }
    int shift = 0;
    if ((bits & 4) != 0) {
        unpack_slice(tile, 4, 0, codes);
        shift = 4;
    }
    if ((bits & 2) != 0) {
        unpack_slice(tile + shift * 64, 2, shift, codes);
        shift += 2;
    }
    if ((bits & 1) != 0) {
        unpack_slice(tile + shift * 64, 1, shift, codes);
    }
}

void lw_gemm_slices_mul_avx2(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                             size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    const int32_t blocks = lw_blocks(w);
    const size_t tile_bytes = (size_t)w->bits * 64;
    uint8_t *codes = scratch;
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const uint8_t *packed = w->codes + (size_t)tile * (size_t)blocks * tile_bytes;
        for (int32_t block = 0; block < blocks; block++) {
            unpack_tile(packed + (size_t)block * tile_bytes, w->bits,
                        codes + (size_t)block * (LW_BLOCK_COLS * LW_BLOCK_ROWS));
        }
        const lw_row_block rows = {codes, lw_tile_scales(w, LW_BLOCK_ROWS, tile, 0), LW_BLOCK_ROWS,
                                   w->rows - tile * LW_BLOCK_ROWS};
        lw_gemm_rows_any(w, &rows, x, tokens, y + (size_t)tile * LW_BLOCK_ROWS, y_stride);
    }
}
