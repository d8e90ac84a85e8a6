/* Layout fields, many tokens: four row tiles of 16 rows make a panel (gemm.h). Codes of 1, 2, 4 or
 * 8 bits fill bytes, and the panel is read as packed. For other widths, and at the edge, it is
 * unpacked first.
 *
 * A few tokens are multiplied as one is (fields_rows.h), in blocks of up to four: a field is taken
 * from its bytes once a block, and nothing is unpacked to memory. Codes that fill bytes gain by
 * that only for two tokens.
 */
#include "../kernels.h"
#include "fields_rows.h"
#include "gemm.h"

enum {
    ROWS = LW_FIELDS_ROWS,
    COLS = LW_FIELDS_COLS,
    VECTOR = LW_FIELDS_VECTOR,
    FEW_TOKENS = 8,
    FEW_TILES = 4, /* row tiles that the second block of tokens finds in the cache */
};

/* One tile to one vector of each of its 8 fields. */
LW_INLINE void unpack_tile(uint8_t *codes, const uint8_t *packed, const int bits) {
    const lw_fields_tile tile = lw_load_tile(packed, bits);
#pragma GCC unroll 8
    for (int field = 0; field < LW_FIELDS; field++) {
        const int shift = lw_part_shift(bits, lw_field_part(bits, field));
        _mm512_store_si512(codes + field * LW_PANEL_STEP,
                           _mm512_srli_epi16(lw_field(&tile, bits, field), shift));
    }
}

/* `count` row tiles of a panel, one column tile after the other, so that the panel is written in
 * order; the vectors of the other row tiles become zero. */
LW_INLINE void unpack(uint8_t *codes, const uint8_t *packed, int32_t tiles, int32_t count,
                      const int bits) {
    const size_t row_tile_bytes = (size_t)tiles * VECTOR * (size_t)bits;
    for (int32_t c = 0; c < tiles; c++, packed += VECTOR * bits) {
        for (int32_t r = 0; r < count; r++) {
            unpack_tile(codes + r * VECTOR, packed + (size_t)r * row_tile_bytes, bits);
        }
        for (int32_t r = count; r < LW_PANEL_VECTORS; r++) {
            for (int field = 0; field < LW_FIELDS; field++) {
                _mm512_store_si512(codes + field * LW_PANEL_STEP + r * VECTOR,
                                   _mm512_setzero_si512());
            }
        }
        codes += LW_FIELDS * LW_PANEL_STEP;
    }
}

static void unpack_bits(uint8_t *codes, const uint8_t *packed, int32_t tiles, int32_t count,
                        int32_t bits) {
    switch (bits) {
    case 1:
        unpack(codes, packed, tiles, count, 1);
        break;
    case 2:
        unpack(codes, packed, tiles, count, 2);
        break;
    case 3:
        unpack(codes, packed, tiles, count, 3);
        break;
    case 4:
        unpack(codes, packed, tiles, count, 4);
        break;
    case 5:
        unpack(codes, packed, tiles, count, 5);
        break;
    case 6:
        unpack(codes, packed, tiles, count, 6);
        break;
    case 7:
        unpack(codes, packed, tiles, count, 7);
        break;
    default:
        unpack(codes, packed, tiles, count, 8);
        break;
    }
}

LW_PANEL_READER(direct_1, 1, VECTOR)
LW_PANEL_READER(direct_2, 2, VECTOR)
LW_PANEL_READER(direct_4, 4, VECTOR)
LW_PANEL_READER(direct_8, 8, VECTOR)

/* The reader of packed codes that fill bytes, or NULL. */
static const lw_panel_reader *reader_of(int32_t bits) {
    switch (bits) {
    case 1:
        return &direct_1;
    case 2:
        return &direct_2;
    case 4:
        return &direct_4;
    case 8:
        return &direct_8;
    default:
        return NULL;
    }
}

/* Row tiles that do not fill the registers go to the kernel for one token. */
LW_INLINE void multiply_few(const lw_matrix *w, const lw_q8 *x, float *y, size_t y_stride,
                            int32_t tile, int32_t tile_end, const int bits, const int tokens) {
    const int count = lw_rows_tiles(bits, tokens);
    const int32_t step = (tile_end - tile) / count;
    for (int32_t i = 0; i < step; i++) {
        lw_rows_multiply(w, x, y, y_stride, tile + i, step, bits, count, tokens);
    }
    for (int t = 0; t < tokens && tile + step * count < tile_end; t++) {
        const lw_q8 one = lw_q8_from(x, t);
        lw_gemv_fields_mul_avx512(w, &one, NULL, y + (size_t)t * y_stride, tile + step * count,
                                  tile_end);
    }
}

/* A block of 2 to LW_ROWS_TOKENS tokens; codes that fill bytes come in blocks of 2 alone. */
static void multiply_block(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                           size_t y_stride, int32_t tile, int32_t tile_end) {
#define TWO(bits)                                                                                  \
    case bits:                                                                                     \
        multiply_few(w, x, y, y_stride, tile, tile_end, bits, 2);                                  \
        break;
#define UP_TO_FOUR(bits)                                                                           \
    case bits:                                                                                     \
        if (tokens == 2) {                                                                         \
            multiply_few(w, x, y, y_stride, tile, tile_end, bits, 2);                              \
        } else if (tokens == 3) {                                                                  \
            multiply_few(w, x, y, y_stride, tile, tile_end, bits, 3);                              \
        } else {                                                                                   \
            multiply_few(w, x, y, y_stride, tile, tile_end, bits, 4);                              \
        }                                                                                          \
        break;
    switch (w->bits) {
        TWO(1)
        TWO(2)
        UP_TO_FOUR(3)
        TWO(4)
        UP_TO_FOUR(5)
        UP_TO_FOUR(6)
        UP_TO_FOUR(7)
    }
#undef TWO
#undef UP_TO_FOUR
}

static void multiply_blocks(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                            size_t y_stride, int32_t tile_begin, int32_t tile_end) {
    const int32_t blocks = lw_ceil_div(tokens, LW_ROWS_TOKENS);
    const int32_t step = blocks > 1 ? FEW_TILES : tile_end - tile_begin;
    for (int32_t tile = tile_begin; tile < tile_end; tile += step) {
        const int32_t end = lw_min_i32(tile_end - tile, step) + tile;
        for (int32_t t = 0, left = blocks; left > 0; left--) {
            const int32_t count = lw_ceil_div(tokens - t, left);
            const lw_q8 block = lw_q8_from(x, t);
            multiply_block(w, &block, count, y + (size_t)t * y_stride, y_stride, tile, end);
            t += count;
        }
    }
}

void lw_gemm_fields_mul_avx512(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                               size_t y_stride, int32_t tile_begin, int32_t tile_end,
                               void *scratch) {
    const int32_t tiles = lw_ceil_div(w->cols, COLS);
    const size_t groups = w->group != 0 ? (size_t)lw_ceil_div(w->cols, w->group) : 1;
    const size_t row_tile_bytes = (size_t)tiles * VECTOR * (size_t)w->bits;
    const lw_panel_reader *const direct = reader_of(w->bits);
    if (tokens > 1 && w->bits < 8 && tokens <= (direct == NULL ? FEW_TOKENS : 2)) {
        multiply_blocks(w, x, tokens, y, y_stride, tile_begin, tile_end);
        return;
    }
    for (int32_t tile = tile_begin; tile < tile_end; tile += LW_PANEL_VECTORS) {
        const int32_t count = lw_min_i32(LW_PANEL_VECTORS, tile_end - tile);
        const uint8_t *packed = w->codes + (size_t)tile * row_tile_bytes;
        const bool unpacked = direct == NULL || count < LW_PANEL_VECTORS;
        if (unpacked) {
            unpack_bits(scratch, packed, tiles, count, w->bits);
        }
        const lw_panel panel = {
            .w = w,
            .reader = unpacked ? &lw_panel_unpacked : direct,
            .codes = unpacked ? scratch : packed,
            .codes_vector = unpacked ? VECTOR : row_tile_bytes,
            .row = tile * ROWS,
            .row_end = lw_min_i32(w->rows, (tile + count) * ROWS),
            .vectors = count,
            .scale = (size_t)tile * groups * ROWS,
            .scale_vector = groups * ROWS,
            .scale_group = ROWS,
        };
        lw_panel_multiply(&panel, x, tokens, y, y_stride);
    }
}
