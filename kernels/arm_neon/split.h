/* Layout split on ARM: the codes of 16 rows and a group of 64 columns, one in each byte, in the
 * order of gemm.h. */
#ifndef LW_NEON_SPLIT_H
#define LW_NEON_SPLIT_H

#include "../split.h"
#include "gemm.h"

enum {
    LW_SPLIT_PARTS = LW_SPLIT_BLOCK_COLS / 16,            /* 16 columns of a row a register */
    LW_SPLIT_CODES = LW_SPLIT_ROWS * LW_SPLIT_BLOCK_COLS, /* bytes of an unpacked group */
};

/* Column tiles of group g that exist, 1 or 2. */
LW_INLINE int32_t lw_split_blocks(const lw_matrix *w, int32_t g) {
    return lw_min_i32(2, lw_blocks(w) - 2 * g);
}

/* The low parts of 16 columns: columns 16 * part on of a block of one row; part is a constant. */
LW_INLINE uint8x16_t lw_split_low(const uint8_t *block, const int part) {
    const uint8x16_t pairs = lw_shift_right(vld1q_u8(block), 2 * part);
    const uint8x8_t eight = vld1_u8(block + 16);
    const uint8x16_t bit =
        vcombine_u8(vdup_n_u8((uint8_t)(1 << 2 * part)), vdup_n_u8((uint8_t)(2 << 2 * part)));
    const uint8x16_t third = vtstq_u8(vcombine_u8(eight, eight), bit);
    /* bits 0 and 1 from pairs, bit 2 from third */
    const uint8x16_t low = vbslq_u8(vdupq_n_u8(3), pairs, third);
    return vandq_u8(low, vdupq_n_u8(7));
}

/* 4 columns of 4 rows from 16 columns of each: a transposition of dwords. */
LW_INLINE void lw_transpose4(uint8x16_t v[4]) {
    const uint32x4_t a = vreinterpretq_u32_u8(v[0]), b = vreinterpretq_u32_u8(v[1]);
    const uint32x4_t c = vreinterpretq_u32_u8(v[2]), d = vreinterpretq_u32_u8(v[3]);
    const uint64x2_t ab[2] = {vreinterpretq_u64_u32(vzip1q_u32(a, b)),
                              vreinterpretq_u64_u32(vzip2q_u32(a, b))};
    const uint64x2_t cd[2] = {vreinterpretq_u64_u32(vzip1q_u32(c, d)),
                              vreinterpretq_u64_u32(vzip2q_u32(c, d))};
    for (int i = 0; i < 2; i++) {
        v[2 * i] = vreinterpretq_u8_u64(vzip1q_u64(ab[i], cd[i]));
        v[2 * i + 1] = vreinterpretq_u8_u64(vzip2q_u64(ab[i], cd[i]));
    }
}

/* The codes of group g of row tile `tile`, 16 steps. Rows that the matrix lacks are its last row;
 * where it lacks the second column tile, the first stands for it: activations are zero there. */
static inline void lw_split_unpack(const lw_matrix *w, const lw_split *s, int32_t tile, int32_t g,
                                   int8_t *codes) {
    const uint8_t *first = s->high + (size_t)tile * s->row_tile + (size_t)g * (2 * LW_SPLIT_TILE);
    const uint8_t *tiles[2] = {first, first + (lw_split_blocks(w, g) - 1) * LW_SPLIT_TILE};
    const uint8_t *dither = s->dither + g * LW_SPLIT_BLOCK_COLS;
    for (int quad = 0; quad < LW_ROW_QUADS; quad++) {
        const uint8_t *blocks[4];
        for (int i = 0; i < 4; i++) {
            const int32_t row = lw_min_i32(tile * LW_SPLIT_ROWS + quad * 4 + i, w->rows - 1);
            blocks[i] = s->low + (size_t)row * s->low_stride + (size_t)g * LW_SPLIT_BLOCK;
        }
#pragma GCC unroll 4
        for (int part = 0; part < LW_SPLIT_PARTS; part++) {
            uint8x16_t low[4];
            for (int i = 0; i < 4; i++) {
                low[i] = lw_split_low(blocks[i], part);
            }
            lw_transpose4(low);
            const int8x16_t u = vreinterpretq_s8_u8(vld1q_u8(dither + 16 * part));
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const int step = 4 * part + i;
                const int8x16_t high = lw_field(tiles[step / LW_FIELDS] + quad * 16, 0,
                                                LW_SPLIT_HIGH_BITS, step % LW_FIELDS);
                const uint8x16_t stored =
                    vorrq_u8(vshlq_n_u8(vreinterpretq_u8_s8(high), 3), low[i]);
                const uint8x16_t moved = vsubq_u8(stored, vreinterpretq_u8_s8(lw_broadcast4(u, i)));
                vst1q_s8(codes + step * LW_STEP_BYTES + quad * 16,
                         vreinterpretq_s8_u8(vandq_u8(moved, vdupq_n_u8(63))));
            }
        }
    }
}

#endif
