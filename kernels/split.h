/* Layout split: where its parts lie, and what the two stages of a product share. The bytes are
 * defined in runtime/FORMAT.md, "Layouts"; why a low part that is uniform to everybody who does not
 * know the dither can be left unread for most rows is in docs/two-stage-head.md.
 *
 *   stored = code + dither(k) = 8 * high + low        code 0..56, dither 0..7 per column
 *
 *   high    tiles of 16 rows x 32 columns, 3 bits a code
 *   low     rows of blocks of 64 columns, 3 bits a code
 *   dither  a byte for each column
 */
#ifndef LW_SPLIT_H
#define LW_SPLIT_H

#include <stdbool.h>

#include "kernel.h"

enum {
    LW_SPLIT_ROWS = 16,
    LW_SPLIT_COLS = 32,
    LW_SPLIT_HIGH_BITS = 3,   /* the tiles are those of layout fields at this width */
    LW_SPLIT_TILE = 192,      /* bytes of a tile: 3 vectors of 64 */
    LW_SPLIT_BLOCK_COLS = 64, /* columns of a low block, which are those of a scale */
    LW_SPLIT_BLOCK = 24,      /* bytes of a low block: 16 with bits 0 and 1, 8 with bit 2 */
    LW_SPLIT_DITHER_MAX = 7,  /* which is also the greatest low part */
};

static inline uint64_t lw_split_ceil(uint64_t count, uint64_t unit) {
    return (count + unit - 1) / unit;
}

static inline uint64_t lw_split_high_bytes(uint32_t rows, uint32_t cols) {
    return lw_split_ceil(rows, LW_SPLIT_ROWS) * lw_split_ceil(cols, LW_SPLIT_COLS) * LW_SPLIT_TILE;
}

/* From one row of the low part to the next. */
static inline uint64_t lw_split_low_stride(uint32_t cols) {
    return lw_split_ceil(lw_split_ceil(cols, LW_SPLIT_BLOCK_COLS) * LW_SPLIT_BLOCK, 64) * 64;
}

static inline uint64_t lw_split_dither_bytes(uint32_t cols) {
    return lw_split_ceil(cols, LW_SPLIT_BLOCK_COLS) * LW_SPLIT_BLOCK_COLS;
}

/* Bytes of all codes. Every part is a multiple of 64. */
static inline uint64_t lw_split_bytes(uint32_t rows, uint32_t cols) {
    return lw_split_high_bytes(rows, cols) + rows * lw_split_low_stride(cols) +
           lw_split_dither_bytes(cols);
}

typedef struct {
    const uint8_t *high;
    const uint8_t *low;
    const uint8_t *dither;
    size_t row_tile; /* bytes of a row tile of the high part */
    size_t low_stride;
    int32_t groups; /* of a row */
} lw_split;

static inline lw_split lw_split_parts(const lw_matrix *w) {
    const uint32_t rows = (uint32_t)w->rows;
    const uint32_t cols = (uint32_t)w->cols;
    const uint8_t *low = w->codes + lw_split_high_bytes(rows, cols);
    return (lw_split){
        .high = w->codes,
        .low = low,
        .dither = low + rows * lw_split_low_stride(cols),
        .row_tile = (size_t)lw_split_ceil(cols, LW_SPLIT_COLS) * LW_SPLIT_TILE,
        .low_stride = (size_t)lw_split_low_stride(cols),
        .groups = (int32_t)lw_split_ceil(cols, LW_SPLIT_BLOCK_COLS),
    };
}

/* A row tile: its first high tile, and where the low parts of its rows begin. */
typedef struct {
    const uint8_t *high;
    const uint8_t *low[LW_SPLIT_ROWS];
} lw_split_rows;

/* Rows that the matrix lacks are read as its last row, and not written. */
LW_INLINE lw_split_rows lw_split_row_tile(const lw_matrix *w, const lw_split *s, int32_t tile) {
    lw_split_rows rows = {.high = s->high + (size_t)tile * s->row_tile};
    for (int32_t r = 0; r < LW_SPLIT_ROWS; r++) {
        const int32_t row = tile * LW_SPLIT_ROWS + r;
        rows.low[r] = s->low + (size_t)(row < w->rows ? row : w->rows - 1) * s->low_stride;
    }
    return rows;
}

/* The two column tiles of group g. Where the matrix ends with the first, it stands for the second:
 * there activations are zero. */
LW_INLINE void lw_split_tiles(const lw_matrix *w, const uint8_t *high, int32_t g,
                              const uint8_t *tiles[2]) {
    const bool both = w->cols - g * LW_SPLIT_BLOCK_COLS > LW_SPLIT_COLS;
    tiles[0] = high + (size_t)g * (2 * LW_SPLIT_TILE);
    tiles[1] = tiles[0] + (both ? LW_SPLIT_TILE : 0);
}

/* While group g of a row tile is multiplied: fetch high tiles some groups ahead of it, and a part
 * of the low rows of the next row tile. `high` and `low` begin those of the row tile. */
static inline void lw_split_prefetch(const lw_split *s, const uint8_t *high, const uint8_t *low,
                                     int32_t g) {
    enum { GROUP = 2 * LW_SPLIT_TILE, AHEAD = 12 * GROUP, LINE = 64 };
    const size_t at = (size_t)g * GROUP; /* low parts of 16 rows have as many bytes a group */
    const uint8_t *next = low + LW_SPLIT_ROWS * s->low_stride;
    for (size_t b = 0; b < GROUP; b += LINE) {
        __builtin_prefetch(high + at + AHEAD + b);
        __builtin_prefetch(next + at + b);
    }
}

/* Fetch the low part of a row and its scales: rows that are refined lie far apart. */
static inline void lw_split_prefetch_row(const lw_matrix *w, const lw_split *s, size_t row) {
    enum { LINE = 64 };
    const uint8_t *low = s->low + row * s->low_stride;
    const size_t tile_scales = (size_t)s->groups * LW_SPLIT_ROWS * sizeof(uint16_t);
    const uint8_t *scales = (const uint8_t *)w->scales + row / LW_SPLIT_ROWS * tile_scales;
    for (size_t b = 0; b < s->low_stride; b += LINE)
        __builtin_prefetch(low + b);
    for (size_t b = 0; b < tile_scales; b += LINE)
        __builtin_prefetch(scales + b);
}

#endif
