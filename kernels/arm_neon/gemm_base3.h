/* Layout base3, many tokens, by multiplication: 4 column tiles (20 columns) become 5 steps of 4
 * columns.
 *
 * A byte is 27 * u + v; five TBL give its digits. Zipping the bytes of columns 0 and 1, 2
 * and 3, then the words, puts 4 columns of a row side by side.
 */
#ifndef LW_NEON_GEMM_BASE3_H
#define LW_NEON_GEMM_BASE3_H

#include "base3.h"
#include "gemm_tiles.h"

enum { LW_UNPACK_TILES = 4, LW_UNPACK_COLS = LW_UNPACK_TILES * LW_BASE3_COLS };

/* The 5 codes of 16 bytes. */
LW_INLINE void lw_base3_codes(uint8x16_t bytes, uint8x16_t *codes) {
    static const uint8_t of_v[3][32] = {
        {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2},
        {0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0, 1, 1, 1, 2, 2, 2},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2},
    };
    static const uint8_t of_u[2][16] = {{0, 1, 2, 0, 1, 2, 0, 1, 2}, {0, 0, 0, 1, 1, 1, 2, 2, 2}};
    const uint8x16_t factor = vdupq_n_u8(19); /* 27 * 19 = 2 * 256 + 1 */
    const uint16x8_t lo = vmull_u8(vget_low_u8(bytes), vget_low_u8(factor));
    const uint16x8_t hi = vmull_high_u8(bytes, factor);
    const uint8x16_t key = vuzp2q_u8(vreinterpretq_u8_u16(lo), vreinterpretq_u8_u16(hi));
    const uint8x16_t u = vshrq_n_u8(key, 1);
    const uint8x16_t v = vmlsq_u8(bytes, u, vdupq_n_u8(27));
    for (int j = 0; j < 3; j++) {
        codes[j] = vqtbl2q_u8(vld1q_u8_x2(of_v[j]), v);
    }
    for (int j = 0; j < 2; j++) {
        codes[3 + j] = vqtbl1q_u8(vld1q_u8(of_u[j]), u);
    }
}

/* 20 columns of 16 rows; `tiles` of the 4 column tiles exist, the others read as zero. */
LW_INLINE void lw_base3_unpack_columns(const uint8_t *packed, int tiles, int8_t *codes) {
    uint8x16_t c[LW_UNPACK_COLS];
    for (int i = 0; i < LW_UNPACK_TILES; i++) {
        const uint8x16_t bytes = i < tiles ? vld1q_u8(packed + i * LW_BASE3_ROWS) : vdupq_n_u8(0);
        lw_base3_codes(bytes, c + i * LW_BASE3_COLS);
    }
    for (int step = 0; step < LW_UNPACK_COLS / 4; step++, codes += LW_STEP_BYTES) {
        const uint8x16_t *four = c + 4 * step;
        const uint8x16_t left[2] = {vzip1q_u8(four[0], four[1]), vzip2q_u8(four[0], four[1])};
        const uint8x16_t right[2] = {vzip1q_u8(four[2], four[3]), vzip2q_u8(four[2], four[3])};
        for (int i = 0; i < 2; i++) {
            const uint16x8_t a = vreinterpretq_u16_u8(left[i]);
            const uint16x8_t b = vreinterpretq_u16_u8(right[i]);
            vst1q_s8(codes + 32 * i, vreinterpretq_s8_u16(vzip1q_u16(a, b)));
            vst1q_s8(codes + 32 * i + 16, vreinterpretq_s8_u16(vzip2q_u16(a, b)));
        }
    }
}

static inline void lw_base3_unpack(const lw_matrix *w, const uint8_t *packed, int8_t *codes) {
    const int32_t column_tiles = lw_ceil_div(w->cols, LW_BASE3_COLS);
    for (int32_t c = 0; c < column_tiles; c += LW_UNPACK_TILES) {
        lw_base3_unpack_columns(packed, lw_min_i32(LW_UNPACK_TILES, column_tiles - c), codes);
        packed += LW_UNPACK_TILES * LW_BASE3_ROWS;
        codes += LW_UNPACK_COLS * LW_BLOCK_ROWS;
    }
}

LW_INLINE void lw_gemm_base3(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                             size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch,
                             lw_multiply_rows *multiply) {
    const size_t row_tile = (size_t)lw_ceil_div(w->cols, LW_BASE3_COLS) * LW_BASE3_ROWS;
    lw_gemm_tiles(w, x, tokens, y, y_stride, tile_begin, tile_end, scratch, row_tile,
                  lw_base3_unpack, multiply);
}

#endif
