/* Layout base3, one token, by lookup (base3.h): 80 weights are a load, a key (UMULL, UMULL2, UZP2),
 * the rest v (TBL, SUB), four TBL and two UABA.
 *
 *   low, high   bytes of 16 rows, over LW_BASE3_RUN column tiles
 *   words       low + 26 * high in uint16, over 50 column tiles: at most 50 * 1270 = 63500
 *   sums        int32
 *
 * Four row tiles in turn read the tables of 50 column tiles, which stay in the first-level cache.
 */
#include "../kernels.h"
#include "base3.h"
#include "codes.h"

enum { VECTORS = LW_BASE3_ROWS / 16, WORD_TILES = 50, SHARED_TILES = 4 };

typedef struct {
    uint8x16_t low[VECTORS], high[VECTORS];
} row_digits;

typedef struct {
    uint16x8_t lo[VECTORS], hi[VECTORS];
} row_words;

/* Add one column tile of 64 rows. */
LW_INLINE void add_tile(row_digits *d, const uint8_t *codes, const uint8_t *table) {
    static const uint8_t multiples[32] = {0,   0,   27,  27,  54,  54,  81,  81,  108,
                                          108, 135, 135, 162, 162, 189, 189, 216, 216};
    const uint8x16x2_t v_low = vld1q_u8_x2(table + LW_BASE3_V_LOW);
    const uint8x16x2_t v_high = vld1q_u8_x2(table + LW_BASE3_V_HIGH);
    const uint8x16x2_t u_low = vld1q_u8_x2(table + LW_BASE3_U_LOW);
    const uint8x16x2_t u_high = vld1q_u8_x2(table + LW_BASE3_U_HIGH);
    const uint8x16x2_t of_key = vld1q_u8_x2(multiples);
    const uint8x16_t factor = vdupq_n_u8(LW_BASE3_KEY);
#pragma GCC unroll 4
    for (int i = 0; i < VECTORS; i++) {
        const uint8x16_t bytes = vld1q_u8(codes + 16 * i);
        const uint16x8_t lo = vmull_u8(vget_low_u8(bytes), vget_low_u8(factor));
        const uint16x8_t hi = vmull_high_u8(bytes, factor);
        const uint8x16_t key = vuzp2q_u8(vreinterpretq_u8_u16(lo), vreinterpretq_u8_u16(hi));
        const uint8x16_t v = vsubq_u8(bytes, vqtbl2q_u8(of_key, key));
        d->low[i] = vabaq_u8(d->low[i], vqtbl2q_u8(v_low, v), vqtbl2q_u8(u_low, key));
        d->high[i] = vabaq_u8(d->high[i], vqtbl2q_u8(v_high, v), vqtbl2q_u8(u_high, key));
    }
}

LW_INLINE void join_digits(row_words *words, const row_digits *d) {
    const uint8x16_t base = vdupq_n_u8(LW_BASE3_BASE);
    for (int i = 0; i < VECTORS; i++) {
        words->lo[i] = vaddw_u8(words->lo[i], vget_low_u8(d->low[i]));
        words->hi[i] = vaddw_high_u8(words->hi[i], d->low[i]);
        words->lo[i] = vmlal_u8(words->lo[i], vget_low_u8(d->high[i]), vget_low_u8(base));
        words->hi[i] = vmlal_high_u8(words->hi[i], d->high[i], base);
    }
}

/* sums[0..4) += words */
LW_INLINE void widen(int32_t *sums, uint16x4_t words) {
    const uint32x4_t before = vreinterpretq_u32_s32(vld1q_s32(sums));
    vst1q_s32(sums, vreinterpretq_s32_u32(vaddw_u16(before, words)));
}

/* Add `count` <= WORD_TILES column tiles to the sums of 64 rows. */
static void add_run(int32_t *sums, const uint8_t *codes, const uint8_t *tables, int32_t count) {
    row_words words;
    memset(&words, 0, sizeof words);
    for (int32_t left = count; left > 0; left -= LW_BASE3_RUN) {
        const uint8_t *const end = codes + lw_min_i32(left, LW_BASE3_RUN) * LW_BASE3_ROWS;
        row_digits d;
        for (int i = 0; i < VECTORS; i++) {
            d.low[i] = d.high[i] = vdupq_n_u8(0);
        }
        do {
            add_tile(&d, codes, tables);
            codes += LW_BASE3_ROWS;
            tables += LW_BASE3_TABLE;
        } while (codes != end);
        /* Words stay in memory: digits and tables need the registers. */
        __asm__ volatile("" : "+m"(words));
        join_digits(&words, &d);
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
            const uint8_t *tables = (const uint8_t *)lut + (size_t)c * LW_BASE3_TABLE;
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
