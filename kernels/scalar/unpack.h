/* Packed tiles to one byte a code: the address formulas of runtime/FORMAT.md, "Layouts", a tile at
 * a time. */
#ifndef LW_SCALAR_UNPACK_H
#define LW_SCALAR_UNPACK_H

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

static inline void lw_unpack_slices(const uint8_t *tile, int32_t bits, uint8_t *codes,
                                    int32_t stride) {
    enum { ROWS = 16, COLS = 32, VECTOR = 64 };
    int32_t shift = 0;
    for (int32_t n = 0; n < ROWS; n++) {
        for (int32_t k = 0; k < COLS; k++) {
            codes[n * stride + k] = 0;
        }
    }
    for (int32_t width = 8; width > 0; width /= 2) {
        if ((bits & width) == 0) {
            continue;
        }
        const uint32_t mask = (1u << width) - 1u;
        for (int32_t k = 0; k < COLS; k += 4) {
            const int32_t vector_cols = COLS / width;
            const uint8_t *vector = tile + k / vector_cols * VECTOR;
            const int32_t down = k % vector_cols / 4 * width;
            for (int32_t byte = 0; byte < VECTOR; byte++) {
                uint8_t *code = &codes[byte / 4 * stride + k + byte % 4];
                *code = (uint8_t)(*code | (((uint32_t)vector[byte] >> down) & mask) << shift);
            }
        }
        tile += width * VECTOR;
        shift += width;
    }
}

static inline uint32_t lw_code_slices(const uint8_t *tile, int32_t bits, int32_t n, int32_t k) {
    enum { COLS = 32, VECTOR = 64 };
    uint32_t code = 0;
    int32_t shift = 0;
    for (int32_t width = 8; width > 0; width /= 2) {
        if ((bits & width) == 0) {
            continue;
        }
        const int32_t vector_cols = COLS / width;
        const uint32_t byte = tile[k / vector_cols * VECTOR + n * 4 + k % 4];
        code |= ((byte >> (k % vector_cols / 4 * width)) & ((1u << width) - 1u)) << shift;
        tile += width * VECTOR;
        shift += width;
    }
    return code;
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

static const lw_layout lw_layout_slices = {16, 32, lw_unpack_slices, lw_code_slices};
static const lw_layout lw_layout_planes = {64, 32, lw_unpack_planes, lw_code_planes};
static const lw_layout lw_layout_base3 = {64, 5, lw_unpack_base3, lw_code_base3};

#endif
