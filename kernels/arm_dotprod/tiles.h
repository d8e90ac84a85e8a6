/* Tiles of layout fields, one token, by SDOT. A field that stays below 128 where it lies in its
 * byte is masked but not shifted, and has a sum of its own, which is shifted at the end:
 *
 *   2 bits   fields at bits 0 and 6 (shifted down)   sum 0
 *            at bits 2                               sum 1, four times too great
 *            at bits 4                               sum 2, sixteen times too great
 *   3 bits   at bits 3                               sum 1, eight times too great
 *
 * At most 3 * 16 * 127 a column: sums of 2^20 columns stay below 2^31.
 */
#ifndef LW_DOTPROD_TILES_H
#define LW_DOTPROD_TILES_H

#include "../arm_neon/gemv_fields.h"
#include "dot.h"

enum { PLACES = 3, SPAN_BLOCKS = (1 << 20) / LW_BLOCK_COLS };

/* Where a field stays in its byte: 0, or the lowest bit of a whole field. */
LW_INLINE int place_of(const int bits, const int field) {
    const lw_piece p = lw_field_piece(bits, field, 0);
    return bits > 1 && p.width == bits && p.bit + bits < 8 ? p.bit : 0;
}

LW_INLINE int8x16_t field_in_place(const uint8_t *tile, const int quad, const int bits,
                                   const int field) {
    const int place = place_of(bits, field);
    if (place == 0) {
        return lw_field(tile, quad, bits, field);
    }
    const lw_piece p = lw_field_piece(bits, field, 0);
    const uint8x16_t mask = vdupq_n_u8((uint8_t)(((1 << bits) - 1) << place));
    return vreinterpretq_s8_u8(vandq_u8(lw_piece_bytes(tile, quad, p), mask));
}

/* sum + more >> down, a constant. */
LW_INLINE int32x4_t add_shifted(int32x4_t sum, int32x4_t more, const int down) {
    switch (down) {
    case 2:
        return vsraq_n_s32(sum, more, 2);
    case 3:
        return vsraq_n_s32(sum, more, 3);
    default:
        return vsraq_n_s32(sum, more, 4);
    }
}

LW_INLINE lw_row_sums add_span(lw_row_sums sums, const uint8_t *tiles, const int8_t *x,
                               int32_t blocks, const int bits) {
    const int places = bits == 2 ? 3 : bits == 3 ? 2 : 1;
    lw_row_sums by_place[PLACES] = {sums};
    for (int i = 1; i < places; i++) {
        by_place[i] = lw_row_sums_zero();
    }
    for (int32_t block = 0; block < blocks; block++) {
        const int8x16_t x_of[2] = {vld1q_s8(x), vld1q_s8(x + 16)};
#pragma GCC unroll 8
        for (int field = 0; field < LW_FIELDS; field++) {
            lw_row_sums *sum = by_place + place_of(bits, field) / bits;
#pragma GCC unroll 4
            for (int i = 0; i < LW_ROW_QUADS; i++) {
                const int8x16_t codes = field_in_place(tiles, i, bits, field);
                sum->q[i] = lw_dot4(sum->q[i], codes, x_of[field / 4], field % 4);
            }
        }
        tiles += bits * LW_FIELDS_VECTOR;
        x += LW_BLOCK_COLS;
    }
    sums = by_place[0];
    for (int place = 1; place < places; place++) {
        for (int i = 0; i < LW_ROW_QUADS; i++) {
            sums.q[i] = add_shifted(sums.q[i], by_place[place].q[i], place * bits);
        }
    }
    return sums;
}

LW_INLINE lw_row_sums lw_add_tiles_dotprod(lw_row_sums sums, const uint8_t *tiles, const int8_t *x,
                                           int32_t blocks, const int bits) {
    if (bits != 2 && bits != 3) {
        return add_span(sums, tiles, x, blocks, bits);
    }
    for (int32_t block = 0; block < blocks; block += SPAN_BLOCKS) {
        const size_t at = (size_t)block * LW_FIELDS_VECTOR * (size_t)bits;
        sums = add_span(sums, tiles + at, x + block * LW_BLOCK_COLS,
                        lw_min_i32(SPAN_BLOCKS, blocks - block), bits);
    }
    return sums;
}

#endif
