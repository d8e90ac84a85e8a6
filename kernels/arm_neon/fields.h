/* A field of layout fields: 4 rows x 4 columns in a register, one code a byte. */
#ifndef LW_NEON_FIELDS_H
#define LW_NEON_FIELDS_H

#include "../fields.h"
#include "codes.h"

/* The field of one quad of rows; codes of 8 bits become codes minus 128, so that all are signed
 * bytes. All but `tile` are constants. */
LW_INLINE int8x16_t lw_field(const uint8_t *tile, const int quad, const int bits, const int field) {
    uint8x16_t code = vdupq_n_u8(0);
    int low = bits;
#pragma GCC unroll 8
    for (int i = 0; i < LW_FIELDS_PIECES; i++) {
        const lw_piece p = lw_field_piece(bits, field, i);
        if (p.width > 0) {
            low -= p.width;
            const uint8x16_t bytes = vld1q_u8(tile + p.vector * LW_FIELDS_VECTOR + quad * 16);
            uint8x16_t piece = lw_shift_right(bytes, p.bit - low);
            if (low > 0 || p.bit + p.width < 8) {
                piece = vandq_u8(piece, vdupq_n_u8((uint8_t)(((1 << p.width) - 1) << low)));
            }
            code = i == 0 ? piece : vorrq_u8(code, piece);
        }
    }
    return vreinterpretq_s8_u8(bits == 8 ? veorq_u8(code, vdupq_n_u8(0x80)) : code);
}

/* By how much codes as signed bytes are less. */
LW_INLINE int32_t lw_signed_less(const lw_matrix *w) {
    return w->bits == 8 ? 128 : 0;
}

#endif
