/* Layout base3, one token, by lookup (base3.h): 80 weights are a load, a shift, the slot (TBL,
 * SUB), four TBL and two SABA.
 *
 *   low, high   bytes of 16 rows, over LW_BASE3_RUN column tiles
 *   words       low + 32 * high in uint16, over 36 column tiles: at most 36 * (635 + LW_BASE3_BIAS)
 *               = 60624
 *   sums        int32
 *
 * Four row tiles in turn read the tables of 36 column tiles, which stay in the first-level cache.
 */
#include <stdbool.h>

#include "../kernels.h"
#include "base3.h"
#include "codes.h"

enum { VECTORS = LW_BASE3_ROWS / 16, WORD_TILES = 36, SHARED_TILES = 4 };

typedef struct {
    int8x16_t low[VECTORS], high[VECTORS]; /* of unsigned bytes, but SABA's type */
} row_digits;

typedef struct {
    uint16x8_t lo[VECTORS], hi[VECTORS];
} row_words;

/* Add, or begin with, one column tile of 64 rows. */
LW_INLINE void add_tile(row_digits *d, const uint8_t *codes, const int8_t *table,
                        const bool begin) {
#define OFFSET(h) (uint8_t)(8 * (h) - LW_BASE3_SLOT(h))
    static const uint8_t offsets[] = LW_BASE3_32(OFFSET);
    const int8x16x2_t v_low = vld1q_s8_x2(table + LW_BASE3_V_LOW);
    const int8x16x2_t v_high = vld1q_s8_x2(table + LW_BASE3_V_HIGH);
    const int8x16x2_t u_low = vld1q_s8_x2(table + LW_BASE3_U_LOW);
    const int8x16x2_t u_high = vld1q_s8_x2(table + LW_BASE3_U_HIGH);
    const uint8x16x2_t of_h = vld1q_u8_x2(offsets);
    uint8x16_t h[VECTORS], slot[VECTORS];
#pragma GCC unroll 4
    for (int i = 0; i < VECTORS; i++) {
        const uint8x16_t bytes = vld1q_u8(codes + 16 * i);
        h[i] = vshrq_n_u8(bytes, 3);
        slot[i] = vsubq_u8(bytes, vqtbl2q_u8(of_h, h[i]));
    }
#pragma GCC unroll 4
    for (int i = 0; i < VECTORS; i++) {
        const int8x16_t low[2] = {vqtbl2q_s8(v_low, slot[i]), vqtbl2q_s8(u_low, h[i])};
        const int8x16_t high[2] = {vqtbl2q_s8(v_high, slot[i]), vqtbl2q_s8(u_high, h[i])};
        d->low[i] = begin ? vabdq_s8(low[0], low[1]) : vabaq_s8(d->low[i], low[0], low[1]);
        d->high[i] = begin ? vabdq_s8(high[0], high[1]) : vabaq_s8(d->high[i], high[0], high[1]);
        if (i + 1 < VECTORS) {
            /* Keeps SABA, which has one pipeline, between TBL, which have both. */
            __asm__("" : "+w"(h[i + 1]), "+w"(slot[i + 1]) : "w"(d->low[i]), "w"(d->high[i]));
        }
    }
}

/* words += `tiles` <= LW_BASE3_RUN column tiles. */
LW_INLINE void add_tiles(row_words *words, const uint8_t *codes, const int8_t *tables,
                         const int tiles) {
    const uint8x16_t base = vdupq_n_u8(LW_BASE3_BASE);
    row_digits d;
#pragma GCC unroll 4
    for (int i = 0; i < tiles; i++) {
        add_tile(&d, codes + i * LW_BASE3_ROWS, tables + i * LW_BASE3_TABLE, i == 0);
        __asm__ volatile("" : : : "memory"); /* the next tile's registers would not fit */
    }
    /* Words stay in memory: digits and tables need the registers. */
    __asm__ volatile("" : "+m"(*words));
    for (int i = 0; i < VECTORS; i++) {
        const uint8x16_t low = vreinterpretq_u8_s8(d.low[i]);
        const uint8x16_t high = vreinterpretq_u8_s8(d.high[i]);
        words->lo[i] = vaddw_u8(words->lo[i], vget_low_u8(low));
        words->hi[i] = vaddw_high_u8(words->hi[i], low);
        words->lo[i] = vmlal_u8(words->lo[i], vget_low_u8(high), vget_low_u8(base));
        words->hi[i] = vmlal_high_u8(words->hi[i], high, base);
    }
}

/* sums[0..4) += words */
LW_INLINE void widen(int32_t *sums, uint16x4_t words) {
    const uint32x4_t before = vreinterpretq_u32_s32(vld1q_s32(sums));
    vst1q_s32(sums, vreinterpretq_s32_u32(vaddw_u16(before, words)));
}

/* Add `count` <= WORD_TILES column tiles to the sums of 64 rows. */
static void add_run(int32_t *sums, const uint8_t *codes, const int8_t *tables, int32_t count) {
    row_words words;
    memset(&words, 0, sizeof words);
    for (int32_t left = count; left > 0;) {
        const int32_t tiles = left >= LW_BASE3_RUN ? LW_BASE3_RUN : 1;
        if (tiles == LW_BASE3_RUN) {
            add_tiles(&words, codes, tables, LW_BASE3_RUN);
        } else {
            add_tiles(&words, codes, tables, 1);
        }
        codes += tiles * LW_BASE3_ROWS;
        tables += tiles * LW_BASE3_TABLE;
        left -= tiles;
    }
    for (int i = 0; i < VECTORS; i++, sums += 16) {
        widen(sums, vget_low_u16(words.lo[i]));
        widen(sums + 4, vget_high_u16(words.lo[i]));
        widen(sums + 8, vget_low_u16(words.hi[i]));
        widen(sums + 12, vget_high_u16(words.hi[i]));
    }
}

void lw_gemv_base3_lut_neon(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                            int32_t tile_begin, int32_t tile_end) {
    const int32_t column_tiles = lw_ceil_div(w->cols, LW_BASE3_COLS);
    const size_t row_tile_bytes = (size_t)column_tiles * LW_BASE3_ROWS;
    const int32_t bias = LW_BASE3_BIAS * column_tiles;
    for (int32_t tile = tile_begin; tile < tile_end; tile += SHARED_TILES) {
        const int32_t tiles = lw_min_i32(SHARED_TILES, tile_end - tile);
        const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
        int32_t sums[SHARED_TILES * LW_BASE3_ROWS] = {0};
        for (int32_t c = 0; c < column_tiles; c += WORD_TILES) {
            const int8_t *tables = (const int8_t *)lut + (size_t)c * LW_BASE3_TABLE;
            const int32_t run = lw_min_i32(WORD_TILES, column_tiles - c);
            for (int32_t i = 0; i < tiles; i++) {
                const size_t at = (size_t)i * row_tile_bytes + (size_t)c * LW_BASE3_ROWS;
                add_run(sums + i * LW_BASE3_ROWS, codes + at, tables, run);
            }
        }
        for (int32_t i = 0; i < tiles * LW_BASE3_ROWS; i += LW_BLOCK_ROWS) {
            const int32_t row = tile * LW_BASE3_ROWS + i;
            lw_row_sums s;
            memcpy(&s, sums + i, sizeof s);
            if (row < w->rows) {
                const lw_row_floats acc = lw_add_group(lw_row_floats_zero(), w, w->scales,
                                                       (size_t)row, lw_row_sums_less(s, bias));
                lw_store_rows(y + row, w->rows - row, acc, x->scales[0]);
            }
        }
    }
}
