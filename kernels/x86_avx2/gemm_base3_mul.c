/* Layout base3, many tokens: a row tile is unpacked once, as four blocks of 16 rows in the order of
 * gemm.h. 4 column tiles (20 columns) become 5 steps of 4 columns.
 *
 * Digits are formed in words: q_i = floor(byte / 3^i) is one VPMULHUW by ceil(2^16 / 3^i), digit i
 * is q_i - 3 q_(i+1).
 */
#include "../kernels.h"
#include "tokens.h"

LW_BLOCK_READER(unpacked, 2, false)

enum { TILE_ROWS = 64, TILE_COLS = 5, UNPACK_TILES = 4, UNPACK_COLS = 20, TILE_BLOCKS = 4 };

/* The 5 digits of 16 bytes, a word each. */
LW_INLINE void split_digits(__m128i bytes, __m256i digits[TILE_COLS]) {
    const __m256i q0 = _mm256_cvtepu8_epi16(bytes);
    const __m256i q[TILE_COLS] = {
        q0,
        _mm256_mulhi_epu16(q0, _mm256_set1_epi16(21846)),
        _mm256_mulhi_epu16(q0, _mm256_set1_epi16(7282)),
        _mm256_mulhi_epu16(q0, _mm256_set1_epi16(2428)),
        _mm256_mulhi_epu16(q0, _mm256_set1_epi16(810)),
    };
    for (int i = 0; i < TILE_COLS - 1; i++) {
        digits[i] = _mm256_sub_epi16(q[i], _mm256_mullo_epi16(q[i + 1], _mm256_set1_epi16(3)));
    }
    digits[TILE_COLS - 1] = q[TILE_COLS - 1];
}

/* 20 columns of 16 rows; `tiles` of the 4 column tiles exist, the others read as zero. */
LW_INLINE void unpack_columns(const uint8_t *packed, int tiles, uint8_t *codes) {
    __m256i digits[UNPACK_COLS];
    for (int i = 0; i < UNPACK_TILES; i++) {
        const __m128i bytes = i < tiles ? _mm_load_si128((const __m128i *)(packed + i * TILE_ROWS))
                                        : _mm_setzero_si128();
        split_digits(bytes, digits + i * TILE_COLS);
    }
    for (int step = 0; step < UNPACK_COLS / 4; step++) {
        const __m256i *d = digits + step * 4;
        const __m256i even = _mm256_or_si256(d[0], _mm256_slli_epi16(d[1], 8));
        const __m256i odd = _mm256_or_si256(d[2], _mm256_slli_epi16(d[3], 8));
        const __m256i lo = _mm256_unpacklo_epi16(even, odd); /* rows 0-3, 8-11 */
        const __m256i hi = _mm256_unpackhi_epi16(even, odd); /* rows 4-7, 12-15 */
        __m256i *target = (__m256i *)(codes + step * LW_STEP_BYTES);
        _mm256_store_si256(target, _mm256_permute2x128_si256(lo, hi, 0x20));
        _mm256_store_si256(target + 1, _mm256_permute2x128_si256(lo, hi, 0x31));
    }
}

/* A block of 16 rows; `packed` points at its bytes in the first column tile. */
static void unpack_rows(const uint8_t *packed, int32_t cols, uint8_t *codes) {
    const int32_t column_tiles = (int32_t)(((uint32_t)cols + TILE_COLS - 1) / TILE_COLS);
    size_t k = 0;
    int32_t c = 0;
    for (; c + UNPACK_TILES <= column_tiles; c += UNPACK_TILES, k += UNPACK_COLS) {
        unpack_columns(packed + (size_t)c * TILE_ROWS, UNPACK_TILES, codes + k * LW_BLOCK_ROWS);
    }
    if (c < column_tiles) {
        unpack_columns(packed + (size_t)c * TILE_ROWS, column_tiles - c, codes + k * LW_BLOCK_ROWS);
    }
}

void lw_gemm_base3_mul_avx2(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                            size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    const size_t column_tiles = ((size_t)w->cols + TILE_COLS - 1) / TILE_COLS;
    for (int32_t t = 0; t < tokens; t += LW_START_TOKENS) {
        const int32_t count = lw_min_i32(tokens - t, LW_START_TOKENS);
        const lw_tokens some = lw_tokens_from(w, x, t, count, y, y_stride, scratch);
        for (int32_t block = tile_begin * TILE_BLOCKS; block < tile_end * TILE_BLOCKS; block++) {
            const int32_t tile = block / TILE_BLOCKS;
            const int32_t row = block * LW_BLOCK_ROWS;
            const int32_t in_tile = row % TILE_ROWS;
            if (row >= w->rows) {
                break;
            }
            const lw_row_block rows = {scratch, lw_tile_scales(w, TILE_ROWS, tile, in_tile), NULL,
                                       TILE_ROWS, w->rows - row};
            unpack_rows(w->codes + (size_t)tile * column_tiles * TILE_ROWS + in_tile, w->cols,
                        scratch);
            lw_multiply_rows(unpacked, w, &rows, &some, count, row);
        }
    }
}
