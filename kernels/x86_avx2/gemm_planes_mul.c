/* Layout planes, many tokens: a row tile is unpacked once, as four blocks of 16 rows in the order
 * of gemm.h.
 *
 * A byte of a plane has 8 columns of one row. VPSHUFB copies the bytes of 8 rows to the 4 bytes of
 * their dwords; a mask then keeps in byte c the bit of column c, and a compare turns it into the
 * plane's weight, 2^p, or 2 for codes of 1 bit.
 */
#include "../kernels.h"
#include "tokens.h"

enum { TILE_ROWS = 64, TILE_BLOCKS = 4, PLANE_BYTES = 256, VECTOR_COLS = 8 };

LW_BLOCK_READER(bits_2, 2, false)
LW_BLOCK_READER(bits_3, 3, false)
LW_BLOCK_READER(bits_4, 4, false)
LW_BLOCK_READER(bits_5, 5, false)
LW_BLOCK_READER(bits_6, 6, false)
LW_BLOCK_READER(bits_7, 7, false)
LW_BLOCK_READER(bits_8, 8, false)

static lw_block_reader *const readers[] = {NULL,    &bits_2, &bits_2, &bits_3, &bits_4,
                                           &bits_5, &bits_6, &bits_7, &bits_8};

/* Columns [8 * vector, 8 * vector + 8) of 16 rows: two steps. `plane` points at the 16 bytes of
 * plane 0. */
LW_INLINE void unpack_vector(const uint8_t *plane, int bits, uint8_t *codes) {
    const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4,
                                            4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7);
    const __m256i bit[2] = {_mm256_set1_epi32(0x08040201), _mm256_set1_epi32((int)0x80402010u)};
    __m256i code[2][2]; /* [step][rows 0-7, 8-15] */
    const __m256i start = bits == 8 ? _mm256_set1_epi8((char)0x80) : _mm256_setzero_si256();
    for (int step = 0; step < 2; step++) {
        code[step][0] = code[step][1] = start; /* gemm.h wants 8-bit codes minus 128 */
    }
    for (int p = 0; p < bits; p++) {
        const __m256i weight = _mm256_set1_epi8((char)(lw_code_step(bits) << p));
        const __m256i bytes =
            _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(plane + p * PLANE_BYTES)));
        for (int half = 0; half < 2; half++) {
            const __m256i rows = _mm256_add_epi8(spread, _mm256_set1_epi8((char)(half * 8)));
            const __m256i dwords = _mm256_shuffle_epi8(bytes, rows);
            for (int step = 0; step < 2; step++) {
                const __m256i set =
                    _mm256_cmpeq_epi8(_mm256_and_si256(dwords, bit[step]), bit[step]);
                code[step][half] =
                    _mm256_xor_si256(code[step][half], _mm256_and_si256(set, weight));
            }
        }
    }
    for (int step = 0; step < 2; step++) {
        __m256i *target = (__m256i *)(codes + step * LW_STEP_BYTES);
        _mm256_store_si256(target, code[step][0]);
        _mm256_store_si256(target + 1, code[step][1]);
    }
}

void lw_gemm_planes_mul_avx2(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                             size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    const size_t vectors = (size_t)lw_blocks(w) * (LW_BLOCK_COLS / VECTOR_COLS);
    const size_t tile_bytes = (size_t)w->bits * PLANE_BYTES;
    uint8_t *codes = scratch;
    for (int32_t t = 0; t < tokens; t += LW_START_TOKENS) {
        const int32_t count = lw_min_i32(tokens - t, LW_START_TOKENS);
        const lw_tokens some =
            lw_tokens_from(w, x, t, count, y, y_stride, lw_starts_of(scratch, x));
        for (int32_t block = tile_begin * TILE_BLOCKS; block < tile_end * TILE_BLOCKS; block++) {
            const int32_t tile = block / TILE_BLOCKS;
            const int32_t row = block * LW_BLOCK_ROWS;
            const int32_t in_tile = row % TILE_ROWS;
            if (row >= w->rows) {
                break;
            }
            const uint8_t *packed = w->codes + (size_t)tile * vectors / 4 * tile_bytes + in_tile;
            for (size_t v = 0; v < vectors; v++) {
                unpack_vector(packed + v / 4 * tile_bytes + v % 4 * TILE_ROWS, w->bits,
                              codes + v * (VECTOR_COLS * LW_BLOCK_ROWS));
            }
            const lw_row_block rows = {codes, lw_tile_scales(w, TILE_ROWS, tile, in_tile),
                                       lw_tile_zeros(w, TILE_ROWS, tile, in_tile), TILE_ROWS,
                                       w->rows - row};
            lw_multiply_rows(*readers[w->bits], w, &rows, &some, count, row);
        }
    }
}
