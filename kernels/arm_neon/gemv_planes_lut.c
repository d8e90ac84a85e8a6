/* Layout planes, one token, by lookup: 4 columns of one bit plane are an index into a table of 16
 * sums, held as two base-32 digits (planes.h).
 *
 *   index   bytes & 15: columns 8v .. 8v+3 of 16 rows; bytes >> 4: the next 4 columns
 *   digits  low += TBL(low digits, index), high alike: the 8 tables of a tile without a carry
 *   words   low + 32 * high
 *
 * Words are added in uint16 over a run of 8 tiles, 8 * 8 * (31 + 32 * 31) = 65472 < 2^16; then
 * plane p joins the 32-bit row sums with weight 2^p. The bias of the tables is removed once a
 * group.
 */
#include "../kernels.h"
#include "../planes.h"
#include "codes.h"

enum { TILE_ROWS = 64, VECTORS = TILE_ROWS / 16, RUN_BLOCKS = 8, TABLES = 8, PLANE_BYTES = 256 };

typedef struct {
    uint16x8_t lo[VECTORS], hi[VECTORS];
} row_words;

/* Add one plane of one tile. */
LW_INLINE void add_tile(row_words *words, const uint8_t *plane, const uint8_t *tables) {
    const uint8x16_t base = vdupq_n_u8(LW_PLANES_BASE);
    uint8x16_t low[VECTORS], high[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
        low[i] = high[i] = vdupq_n_u8(0);
    }
    for (int vector = 0; vector < TABLES / 2; vector++) {
        const uint8x16_t low0 = vld1q_u8(tables);
        const uint8x16_t high0 = vld1q_u8(tables + LW_PLANES_ENTRIES);
        const uint8x16_t low1 = vld1q_u8(tables + LW_PLANES_TABLE);
        const uint8x16_t high1 = vld1q_u8(tables + LW_PLANES_TABLE + LW_PLANES_ENTRIES);
#pragma GCC unroll 4
        for (int i = 0; i < VECTORS; i++) {
            const uint8x16_t bytes = vld1q_u8(plane + 16 * i);
            const uint8x16_t first = vandq_u8(bytes, vdupq_n_u8(15));
            const uint8x16_t second = vshrq_n_u8(bytes, 4);
            low[i] = vaddq_u8(low[i], vqtbl1q_u8(low0, first));
            high[i] = vaddq_u8(high[i], vqtbl1q_u8(high0, first));
            low[i] = vaddq_u8(low[i], vqtbl1q_u8(low1, second));
            high[i] = vaddq_u8(high[i], vqtbl1q_u8(high1, second));
        }
        plane += TILE_ROWS;
        tables += 2 * LW_PLANES_TABLE;
    }
    for (int i = 0; i < VECTORS; i++) {
        words->lo[i] = vaddw_u8(words->lo[i], vget_low_u8(low[i]));
        words->hi[i] = vaddw_high_u8(words->hi[i], low[i]);
        words->lo[i] = vmlal_u8(words->lo[i], vget_low_u8(high[i]), vget_low_u8(base));
        words->hi[i] = vmlal_high_u8(words->hi[i], high[i], base);
    }
}

/* sums[0..4) += words << shift */
LW_INLINE void widen(int32_t *sums, uint16x4_t words, int32x4_t shift) {
    const int32x4_t wide = vreinterpretq_s32_u32(vmovl_u16(words));
    vst1q_s32(sums, vaddq_s32(vld1q_s32(sums), vshlq_s32(wide, shift)));
}

/* Add one plane of `blocks` <= RUN_BLOCKS consecutive tiles, tile_bytes apart, to the sums of 64
 * rows. */
static void add_plane(int32_t *sums, const uint8_t *plane, size_t tile_bytes, const uint8_t *tables,
                      int32_t blocks, int shift) {
    row_words words;
    memset(&words, 0, sizeof words);
    for (int32_t block = 0; block < blocks; block++) {
        add_tile(&words, plane, tables);
        plane += tile_bytes;
        tables += TABLES * LW_PLANES_TABLE;
    }
    const int32x4_t weight = vdupq_n_s32(shift);
    for (int i = 0; i < VECTORS; i++, sums += 16) {
        widen(sums, vget_low_u16(words.lo[i]), weight);
        widen(sums + 4, vget_high_u16(words.lo[i]), weight);
        widen(sums + 8, vget_low_u16(words.hi[i]), weight);
        widen(sums + 12, vget_high_u16(words.hi[i]), weight);
    }
}

static void gemv_tile(const lw_matrix *w, const lw_q8 *x, const uint8_t *lut, float *y,
                      int32_t tile) {
    const size_t tile_bytes = (size_t)w->bits * PLANE_BYTES;
    const int32_t blocks = lw_blocks(w);
    const int32_t group_blocks = lw_group_blocks(w);
    const int32_t tile_bias = LW_PLANES_BIAS * TABLES * ((1 << w->bits) - 1);
    const uint8_t *codes = w->codes + (size_t)tile * (size_t)blocks * tile_bytes;
    const void *scales = lw_tile_scales(w, TILE_ROWS, tile, 0);
    const uint8_t *zeros = lw_tile_zeros(w, TILE_ROWS, tile, 0);
    lw_row_floats acc[VECTORS];
    memset(acc, 0, sizeof acc);
    size_t scale = 0;
    for (int32_t block = 0; block < blocks; scale += TILE_ROWS) {
        const int32_t begin = block;
        const int32_t end = block + lw_min_i32(group_blocks, blocks - block);
        lw_row_sums sums[VECTORS];
        memset(sums, 0, sizeof sums);
        while (block < end) {
            const int32_t run = lw_min_i32(RUN_BLOCKS, end - block);
            const uint8_t *tables = lut + (size_t)block * (TABLES * LW_PLANES_TABLE);
            for (int plane = 0; plane < w->bits; plane++) {
                add_plane((int32_t *)sums, codes + plane * PLANE_BYTES, tile_bytes, tables, run,
                          plane);
            }
            codes += (size_t)run * tile_bytes;
            block += run;
        }
        const int32_t x_sum = lw_x_sum(x->sums, begin, end);
        for (int i = 0; i < VECTORS; i++) {
            const size_t at = scale + (size_t)i * 16;
            lw_row_sums s = lw_row_sums_less(sums[i], tile_bias * (end - begin));
            s = lw_value_sums(s, w, zeros, at, 0, x_sum);
            acc[i] = lw_add_group(acc[i], w, scales, at, s);
        }
    }
    for (int i = 0; i < VECTORS; i++) {
        const int32_t row = tile * TILE_ROWS + i * 16;
        if (row < w->rows) {
            lw_store_rows(y + row, w->rows - row, acc[i], x->scales[0]);
        }
    }
}

void lw_gemv_planes_lut_neon(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                             int32_t tile_begin, int32_t tile_end) {
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        gemv_tile(w, x, lut, y, tile);
    }
}
