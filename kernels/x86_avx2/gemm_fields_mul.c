/* Layout fields, 2 or more tokens. For a few, every block of up to four takes the codes from their
 * packed bytes (gemm.h), which costs less than to write them to memory and read them again. For
 * more, a row tile is unpacked once, into its own order with one code in each byte, which codes of
 * 8 bits have anyway.
 */
#include "../kernels.h"
#include "tokens.h"

enum { FEW_TOKENS = 16 }; /* four blocks */

LW_BLOCK_READER(packed_1, 1, true)
LW_BLOCK_READER(packed_2, 2, true)
LW_BLOCK_READER(packed_3, 3, true)
LW_BLOCK_READER(packed_4, 4, true)
LW_BLOCK_READER(packed_5, 5, true)
LW_BLOCK_READER(packed_6, 6, true)
LW_BLOCK_READER(packed_7, 7, true)
LW_BLOCK_READER(packed_8, 8, true)
LW_BLOCK_READER(unpacked_2, 2, false)
LW_BLOCK_READER(unpacked_3, 3, false)
LW_BLOCK_READER(unpacked_4, 4, false)
LW_BLOCK_READER(unpacked_5, 5, false)
LW_BLOCK_READER(unpacked_6, 6, false)
LW_BLOCK_READER(unpacked_7, 7, false)

/* By bits. */
static lw_block_reader *const packed[] = {NULL,      &packed_1, &packed_2, &packed_3, &packed_4,
                                          &packed_5, &packed_6, &packed_7, &packed_8};
static lw_block_reader *const unpacked[] = {NULL,        &unpacked_2, &unpacked_2, &unpacked_3,
                                            &unpacked_4, &unpacked_5, &unpacked_6, &unpacked_7};

/* One tile of codes of `bits` < 8 bits, a constant. */
LW_INLINE void unpack_tile(const uint8_t *tile, int bits, uint8_t *codes) {
#pragma GCC unroll 8
    for (int field = 0; field < LW_FIELDS; field++) {
        __m256i *target = (__m256i *)(void *)(codes + field * LW_STEP_BYTES);
        _mm256_store_si256(target, lw_field(tile, 0, bits, field));
        _mm256_store_si256(target + 1, lw_field(tile, 1, bits, field));
    }
}

LW_INLINE void unpack(const uint8_t *tile, int32_t blocks, int bits, uint8_t *codes) {
    for (int32_t block = 0; block < blocks; block++) {
        unpack_tile(tile, bits, codes);
        tile += LW_FIELDS_VECTOR * bits;
        codes += LW_BLOCK_COLS * LW_BLOCK_ROWS;
    }
}

static void unpack_bits(const uint8_t *tile, int32_t blocks, int32_t bits, uint8_t *codes) {
    switch (bits) {
    case 1:
        unpack(tile, blocks, 1, codes);
        break;
    case 2:
        unpack(tile, blocks, 2, codes);
        break;
    case 3:
        unpack(tile, blocks, 3, codes);
        break;
    case 4:
        unpack(tile, blocks, 4, codes);
        break;
    case 5:
        unpack(tile, blocks, 5, codes);
        break;
    case 6:
        unpack(tile, blocks, 6, codes);
        break;
    default:
        unpack(tile, blocks, 7, codes);
        break;
    }
}

void lw_gemm_fields_mul_avx2(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                             size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    const int32_t blocks = lw_blocks(w);
    const size_t row_tile_bytes = (size_t)blocks * (size_t)w->bits * LW_FIELDS_VECTOR;
    const bool direct = tokens <= FEW_TOKENS || w->bits == 8;
    const lw_block_reader *const reader = direct ? packed[w->bits] : unpacked[w->bits];
    for (int32_t t = 0; t < tokens; t += LW_START_TOKENS) {
        const int32_t count = lw_min_i32(tokens - t, LW_START_TOKENS);
        const lw_tokens some =
            lw_tokens_from(w, x, t, count, y, y_stride, lw_starts_of(scratch, x));
        for (int32_t tile = tile_begin; tile < tile_end; tile++) {
            const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
            if (!direct) {
                unpack_bits(codes, blocks, w->bits, scratch);
            }
            const int32_t row = tile * LW_BLOCK_ROWS;
            const lw_row_block rows = {
                direct ? codes : scratch, lw_tile_scales(w, LW_BLOCK_ROWS, tile, 0),
                lw_tile_zeros(w, LW_BLOCK_ROWS, tile, 0), LW_BLOCK_ROWS, w->rows - row};
            lw_multiply_rows(*reader, w, &rows, &some, count, row);
        }
    }
}
