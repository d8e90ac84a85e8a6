/* Layout base3, many tokens, by lookup: a byte of codes is the index of a row of a table with the
 * sums of (code - 1) * x over its five columns, of 8 tokens side by side, at most 5 * 127 each. So
 * 40 products are a load and an addition; a multiplication does 8.
 *
 *   table    [byte][8 tokens] int16 of a column tile; those of TILES stay in the first-level cache
 *   narrow   [row][8 tokens] int16, over SPAN column tiles: at most 48 * 635 = 30480
 *   wide     [row][8 tokens] int32, over all
 *
 * A table serves the rows of a call, which are 64 at least. Where few tokens are left, each has
 * tables of its own (gemv_base3_lut.c).
 */
#include "../kernels.h"
#include "base3_sums.h"

enum {
    LEAST = 4, /* tokens for which tables are faster than one product after the other */
    TILES = 6,
    SPAN = 8 * TILES,
    PANEL = 8, /* row tiles that a table serves, whose codes stay in the second-level cache */
};

/* narrow of 64 rows += `tiles` column tiles, a constant. */
LW_INLINE void add_tiles(int16_t *narrow, const uint8_t *codes, const lw_base3_sums *tables,
                         const int tiles) {
    /* Registers of which the compiler knows nothing make an index one AND of shifted bytes, and its
     * addition part of the load. */
    uint64_t mask = (LW_BASE3_BYTES - 1) * sizeof tables->entry[0];
    const char *table[TILES];
    __asm__("" : "+r"(mask));
#pragma GCC unroll 6
    for (int i = 0; i < tiles; i++) {
        table[i] = (const char *)(tables + i);
        __asm__("" : "+r"(table[i]));
    }
    for (int row = 0; row < LW_BASE3_ROWS; row += 8, narrow += 8 * LW_BASE3_TOKENS) {
        int16x8_t sums[8];
#pragma GCC unroll 8
        for (int r = 0; r < 8; r++) {
            sums[r] = vld1q_s16(narrow + r * LW_BASE3_TOKENS);
        }
#pragma GCC unroll 6
        for (int i = 0; i < tiles; i++) {
            uint64_t bytes; /* of 8 rows */
            memcpy(&bytes, codes + i * LW_BASE3_ROWS + row, sizeof bytes);
#pragma GCC unroll 8
            for (int r = 0; r < 8; r++) {
                const uint64_t at = (r == 0 ? bytes << 4 : bytes >> (8 * r - 4)) & mask;
                const int16_t *entry = (const int16_t *)(const void *)(table[i] + at);
                sums[r] = vaddq_s16(sums[r], vld1q_s16(entry));
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < 8; r++) {
            vst1q_s16(narrow + r * LW_BASE3_TOKENS, sums[r]);
        }
    }
}

/* wide += narrow; narrow = 0 */
static inline void widen(int32_t *wide, int16_t *narrow, int32_t rows) {
    for (int32_t i = 0; i < rows * LW_BASE3_TOKENS; i += LW_BASE3_TOKENS) {
        const int16x8_t sum = vld1q_s16(narrow + i);
        vst1q_s32(wide + i, vaddw_s16(vld1q_s32(wide + i), vget_low_s16(sum)));
        vst1q_s32(wide + i + 4, vaddw_high_s16(vld1q_s32(wide + i + 4), sum));
        vst1q_s16(narrow + i, vdupq_n_s16(0));
    }
}

/* y of 4 rows and 4 tokens; the first `rows` and `tokens` of them exist. */
static inline void store(float *y, size_t y_stride, const int32_t *wide, const float *scales,
                         const float *x_scales, int32_t rows, int32_t tokens) {
    int32x4x4_t sums; /* of a token each */
    for (int t = 0; t < 4; t++) {
        for (int r = 0; r < 4; r++) {
            sums.val[t][r] = wide[r * LW_BASE3_TOKENS + t];
        }
    }
    const float32x4_t scale = vld1q_f32(scales);
    for (int t = 0; t < lw_min_i32(4, tokens); t++) {
        const float32x4_t product = vmulq_f32(scale, vcvtq_f32_s32(sums.val[t]));
        const float32x4_t acc = vaddq_f32(vdupq_n_f32(0.0f), product);
        const float32x4_t out = vmulq_n_f32(acc, x_scales[t]);
        memcpy(y + (size_t)t * y_stride, &out, (size_t)lw_min_i32(4, rows) * sizeof *y);
    }
}

/* Row tiles whose sums lie in `wide` and `narrow`. */
typedef struct {
    const lw_matrix *w;
    int32_t tile, tiles;
    int32_t *wide;
    int16_t *narrow;
} panel;

/* Column tiles [begin, begin + TILES) or, at the end, fewer. */
static void add_columns(const panel *p, const lw_q8 *x, int32_t tokens, int32_t begin,
                        int32_t column_tiles) {
    lw_base3_sums tables[TILES];
    const int32_t count = lw_min_i32(TILES, column_tiles - begin);
    const size_t row_tile = (size_t)column_tiles * LW_BASE3_ROWS;
    for (int32_t i = 0; i < count; i++) {
        int16x8_t columns[LW_BASE3_COLS];
        lw_base3_columns(x->codes + (begin + i) * LW_BASE3_COLS, (size_t)x->stride, tokens,
                         columns);
        lw_base3_sum_bytes(tables + i, columns);
        memset(tables[i].entry[LW_BASE3_USED], 0,
               (LW_BASE3_BYTES - LW_BASE3_USED) * sizeof *tables[i].entry);
    }
    for (int32_t tile = 0; tile < p->tiles; tile++) {
        const uint8_t *codes =
            p->w->codes + (size_t)(p->tile + tile) * row_tile + (size_t)begin * LW_BASE3_ROWS;
        int16_t *narrow = p->narrow + tile * LW_BASE3_ROWS * LW_BASE3_TOKENS;
        if (count == TILES) {
            add_tiles(narrow, codes, tables, TILES);
        } else {
            for (int32_t i = 0; i < count; i++) {
                add_tiles(narrow, codes + i * LW_BASE3_ROWS, tables + i, 1);
            }
        }
    }
}

/* y of the panel's rows for the first `tokens`, at most LW_BASE3_TOKENS, of x. */
static void multiply_panel(const panel *p, const lw_q8 *x, int32_t tokens, float *y,
                           size_t y_stride) {
    const int32_t column_tiles = lw_ceil_div(p->w->cols, LW_BASE3_COLS);
    const int32_t first = p->tile * LW_BASE3_ROWS;
    const int32_t rows = p->tiles * LW_BASE3_ROWS;
    memset(p->wide, 0, (size_t)rows * LW_BASE3_TOKENS * sizeof *p->wide);
    memset(p->narrow, 0, (size_t)rows * LW_BASE3_TOKENS * sizeof *p->narrow);
    for (int32_t c = 0; c < column_tiles; c += TILES) {
        add_columns(p, x, tokens, c, column_tiles);
        if ((c + TILES) % SPAN == 0 || c + TILES >= column_tiles) {
            widen(p->wide, p->narrow, rows);
        }
    }
    for (int32_t row = first; row < lw_min_i32(p->w->rows, first + rows); row += 4) {
        for (int32_t t = 0; t < tokens; t += 4) {
            store(y + (size_t)t * y_stride + row, y_stride,
                  p->wide + (row - first) * LW_BASE3_TOKENS + t, (const float *)p->w->scales + row,
                  x->scales + t, p->w->rows - row, tokens - t);
        }
    }
}

static lw_q8 from_token(const lw_q8 *x, int32_t t) {
    const size_t stride = (size_t)x->stride;
    return (lw_q8){x->codes + (size_t)t * stride, x->sums + (size_t)t * (stride / LW_SUM_COLS),
                   x->scales + t, x->stride};
}

/* Sums take 48 bytes a row, and a panel has no more rows than x has codes: they fit the scratch. */
void lw_gemm_base3_lut_neon(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                            size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    const int32_t most = lw_min_i32(PANEL, x->stride / LW_BASE3_ROWS);
    const int32_t panels = lw_ceil_div(tile_end - tile_begin, most);
    const int32_t left = tokens % LW_BASE3_TOKENS;
    const int32_t whole = left < LEAST ? tokens - left : tokens;
    for (int32_t i = 0, tile = tile_begin; i < panels; i++) {
        const int32_t tiles = lw_ceil_div(tile_end - tile, panels - i);
        int32_t *wide = scratch;
        const panel p = {w, tile, tiles, wide,
                         (int16_t *)(wide + (size_t)tiles * LW_BASE3_ROWS * LW_BASE3_TOKENS)};
        for (int32_t t = 0; t < whole; t += LW_BASE3_TOKENS) {
            const lw_q8 some = from_token(x, t);
            multiply_panel(&p, &some, lw_min_i32(LW_BASE3_TOKENS, tokens - t),
                           y + (size_t)t * y_stride, y_stride);
        }
        tile += tiles;
    }
    for (int32_t t = whole; t < tokens; t++) {
        const lw_q8 one = from_token(x, t);
        lw_lut_base3_neon(&one, scratch, 0, lw_ceil_div(w->cols, LW_BASE3_COLS));
        lw_gemv_base3_lut_neon(w, &one, scratch, y + (size_t)t * y_stride, tile_begin, tile_end);
    }
}
