/* Layout planes, many tokens. A byte of a plane has 8 columns of one row: TBL copies the bytes of 4
 * rows to the 4 bytes of their dwords, and CMTST keeps in byte c the bit of column c.
 */
#ifndef LW_NEON_GEMM_PLANES_H
#define LW_NEON_GEMM_PLANES_H

#include "gemm_tiles.h"

enum { LW_PLANE_BYTES = 256, LW_PLANE_COLS = 8 };

/* 8 columns of 16 rows: two steps. `plane` points at the 16 bytes of plane 0. */
LW_INLINE void lw_planes_unpack_columns(const uint8_t *plane, int32_t bits, int8_t *codes) {
    static const uint8_t spread[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    static const uint8_t bit[2][16] = {
        {1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8},
        {16, 32, 64, 128, 16, 32, 64, 128, 16, 32, 64, 128, 16, 32, 64, 128},
    };
    for (int quad = 0; quad < LW_ROW_QUADS; quad++) {
        const uint8x16_t rows = vaddq_u8(vld1q_u8(spread), vdupq_n_u8((uint8_t)(4 * quad)));
        uint8x16_t code[2];
        code[0] = code[1] = vdupq_n_u8(bits == 8 ? 0x80 : 0);
        for (int32_t p = 0; p < bits; p++) {
            const uint8x16_t weight = vdupq_n_u8((uint8_t)(lw_code_step(bits) << p));
            const uint8x16_t bytes = vqtbl1q_u8(vld1q_u8(plane + p * LW_PLANE_BYTES), rows);
            for (int step = 0; step < 2; step++) {
                const uint8x16_t set = vtstq_u8(bytes, vld1q_u8(bit[step]));
                code[step] = veorq_u8(code[step], vandq_u8(set, weight));
            }
        }
        vst1q_s8(codes + quad * 16, vreinterpretq_s8_u8(code[0]));
        vst1q_s8(codes + LW_STEP_BYTES + quad * 16, vreinterpretq_s8_u8(code[1]));
    }
}

static inline void lw_planes_unpack(const lw_matrix *w, const uint8_t *packed, int8_t *codes) {
    const size_t tile_bytes = (size_t)w->bits * LW_PLANE_BYTES;
    for (int32_t block = 0; block < lw_blocks(w); block++, packed += tile_bytes) {
        for (int i = 0; i < LW_BLOCK_COLS / LW_PLANE_COLS; i++, codes += 2 * LW_STEP_BYTES) {
            lw_planes_unpack_columns(packed + i * LW_TILE_ROWS, w->bits, codes);
        }
    }
}

LW_INLINE void lw_gemm_planes(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                              size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch,
                              lw_multiply_rows *multiply) {
    const size_t row_tile = (size_t)lw_blocks(w) * (size_t)w->bits * LW_PLANE_BYTES;
    lw_gemm_tiles(w, x, tokens, y, y_stride, tile_begin, tile_end, scratch, row_tile,
                  lw_planes_unpack, multiply);
}

#endif
