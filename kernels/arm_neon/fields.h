/* A field of layout fields: 4 rows x 4 columns in a register, one code a byte. */
#ifndef LW_NEON_FIELDS_H
#define LW_NEON_FIELDS_H

#include "../fields.h"
#include "codes.h"

/* Bytes shifted left by a constant. */
LW_INLINE uint8x16_t lw_shift_left(uint8x16_t v, const int bits) {
    switch (bits) {
    case 1:
        return vshlq_n_u8(v, 1);
    case 2:
        return vshlq_n_u8(v, 2);
    default:
        return v;
    }
}

/* The upper `bits`, a constant, of bytes of `v`, then the uppermost of `next`. */
LW_INLINE uint8x16_t lw_append(uint8x16_t v, uint8x16_t next, const int bits) {
    switch (bits) {
    case 1:
        return vsriq_n_u8(v, next, 1);
    case 2:
        return vsriq_n_u8(v, next, 2);
    case 3:
        return vsriq_n_u8(v, next, 3);
    case 4:
        return vsriq_n_u8(v, next, 4);
    case 5:
        return vsriq_n_u8(v, next, 5);
    default:
        return vsriq_n_u8(v, next, 6);
    }
}

/* The vector of a piece, 16 bytes. */
LW_INLINE uint8x16_t lw_piece_bytes(const uint8_t *tile, const int quad, const lw_piece p) {
    return vld1q_u8(tile + p.vector * LW_FIELDS_VECTOR + quad * 16);
}

/* A field made of pieces: each is shifted to the upper end of its byte, the next after it. */
LW_INLINE uint8x16_t lw_composed_field(const uint8_t *tile, const int quad, const int bits,
                                       const int field) {
    uint8x16_t code = vdupq_n_u8(0);
    int width = 0;
#pragma GCC unroll 8
    for (int i = 0; i < LW_FIELDS_PIECES; i++) {
        const lw_piece p = lw_field_piece(bits, field, i);
        if (p.width > 0) {
            const uint8x16_t bytes = lw_piece_bytes(tile, quad, p);
            const uint8x16_t piece = lw_shift_left(bytes, 8 - p.bit - p.width);
            code = i == 0 ? piece : lw_append(code, piece, width);
            width += p.width;
        }
    }
    return lw_shift_right(code, 8 - bits);
}

/* The field of one quad of rows; codes of 8 bits become codes minus 128, so that all are signed
 * bytes. All but `tile` are constants. */
LW_INLINE int8x16_t lw_field(const uint8_t *tile, const int quad, const int bits, const int field) {
    if (field >= lw_fields_whole(bits)) {
        return vreinterpretq_s8_u8(lw_composed_field(tile, quad, bits, field));
    }
    const lw_piece p = lw_field_piece(bits, field, 0);
    uint8x16_t code = lw_shift_right(lw_piece_bytes(tile, quad, p), p.bit);
    if (p.bit + bits < 8) {
        code = vandq_u8(code, vdupq_n_u8((uint8_t)((1 << bits) - 1)));
    }
    return vreinterpretq_s8_u8(bits == 8 ? veorq_u8(code, vdupq_n_u8(0x80)) : code);
}

/* By how much codes as signed bytes are less. */
LW_INLINE int32_t lw_signed_less(const lw_matrix *w) {
    return w->bits == 8 ? 128 : 0;
}

#endif
