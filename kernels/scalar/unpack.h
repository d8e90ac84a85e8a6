/* Packed tiles to one byte a code: the address formulas of runtime/FORMAT.md, "Layouts", a tile at
 * a time. */
#ifndef LW_SCALAR_UNPACK_H
#define LW_SCALAR_UNPACK_H

#include "../fields.h"
#include "../kernel.h"

/* Write code(n, k) of one tile to codes[n * stride + k]. */
typedef void lw_unpack_fn(const uint8_t *tile, int32_t bits, uint8_t *codes, int32_t stride);

/* One code(n, k) of a tile. */
typedef uint32_t lw_code_fn(const uint8_t *tile, int32_t bits, int32_t n, int32_t k);

/* A packed layout: its row of layouts.def and how to read a tile. */
typedef struct {
    int32_t tile_rows;
    int32_t tile_cols;
    lw_unpack_fn *unpack;
    lw_code_fn *code;
} lw_layout;

/* Every packed layout but base3 stores rows * cols * bits bits in a tile; base3 one byte for 5
 * codes of 2 bits. */
static inline size_t lw_tile_bytes(const lw_layout *layout, int32_t bits) {
    return layout->tile_cols == 5
               ? (size_t)layout->tile_rows
               : (size_t)layout->tile_rows * (size_t)layout->tile_cols / 8 * (size_t)bits;
}

static inline uint32_t lw_code_fields(const uint8_t *tile, int32_t bits, int32_t n, int32_t k) {
    const uint8_t *byte = tile + n * 4 + k % 4;
    uint32_t code = 0;
    for (int i = 0; i < LW_FIELDS_PIECES; i++) {
        const lw_piece p = lw_field_piece(bits, k / LW_FIELD_COLS, i);
        const uint32_t value = (uint32_t)byte[p.vector * LW_FIELDS_VECTOR] >> p.bit;
        code = code << p.width | (value & ((1u << p.width) - 1u));
    }
    return code;
}

static inline void lw_unpack_fields(const uint8_t *tile, int32_t bits, uint8_t *codes,
                                    int32_t stride) {
    for (int field = 0; field < LW_FIELDS; field++) {
        uint32_t above = 0; /* mask of the bits that earlier pieces left */
        for (int i = 0; i < LW_FIELDS_PIECES; i++) {
            const lw_piece p = lw_field_piece(bits, field, i);
            const uint8_t *vector = tile + p.vector * LW_FIELDS_VECTOR;
            const uint32_t mask = (1u << p.width) - 1u;
            if (p.width == 0) {
                break;
            }
            for (int32_t byte = 0; byte < LW_FIELDS_VECTOR; byte++) {
                uint8_t *code = &codes[byte / 4 * stride + field * LW_FIELD_COLS + byte % 4];
                const uint32_t high = (*code & above) << p.width;
                *code = (uint8_t)(high | ((uint32_t)vector[byte] >> p.bit & mask));
            }
            above = above << p.width | mask;
        }
    }
}

static inline uint32_t lw_code_planes(const uint8_t *tile, int32_t bits, int32_t n, int32_t k) {
    enum { ROWS = 64, PLANE = 256 };
    const uint8_t *byte = tile + k / 8 * ROWS + n;
    uint32_t code = 0;
    for (int32_t p = 0; p < bits; p++) {
        code |= (((uint32_t)byte[p * PLANE] >> (k % 8)) & 1u) << p;
    }
    return code;
}

static inline void lw_unpack_planes(const uint8_t *tile, int32_t bits, uint8_t *codes,
                                    int32_t stride) {
    for (int32_t n = 0; n < 64; n++) {
        for (int32_t k = 0; k < 32; k++) {
            codes[n * stride + k] = (uint8_t)lw_code_planes(tile, bits, n, k);
        }
    }
}

static inline uint32_t lw_code_base3(const uint8_t *tile, int32_t bits, int32_t n, int32_t k) {
    static const uint8_t power[] = {1, 3, 9, 27, 81};
    (void)bits;
    return (uint32_t)tile[n] / power[k] % 3u;
}

static inline void lw_unpack_base3(const uint8_t *tile, int32_t bits, uint8_t *codes,
                                   int32_t stride) {
    enum { ROWS = 64, COLS = 5 };
    (void)bits;
    for (int32_t n = 0; n < ROWS; n++) {
        uint32_t rest = tile[n];
        for (int32_t k = 0; k < COLS; k++) {
            codes[n * stride + k] = (uint8_t)(rest % 3u);
            rest /= 3u;
        }
    }
}

static const lw_layout lw_layout_fields = {LW_FIELDS_ROWS, LW_FIELDS_COLS, lw_unpack_fields,
                                           lw_code_fields};
static const lw_layout lw_layout_planes = {64, 32, lw_unpack_planes, lw_code_planes};
static const lw_layout lw_layout_base3 = {64, 5, lw_unpack_base3, lw_code_base3};

#endif
