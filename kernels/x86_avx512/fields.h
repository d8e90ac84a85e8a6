/* A field of layout fields as an operand of `vpdpbusd`: zmm = 16 rows x 4 columns, the code of each
 * left at a bit of its byte that depends on the field, the other bits zero.
 *
 *   whole      one AND
 *   composed   the code ends at bit 7: each further piece is shifted below those before and joined
 *              by one VPTERNLOGD, then one AND
 *
 * lw_field_part numbers the places; sums of one part are 2^lw_part_shift too large.
 */
#ifndef LW_AVX512_FIELDS_H
#define LW_AVX512_FIELDS_H

#include "../fields.h"
#include "matrix.h"

#include <stdbool.h>

enum { LW_FIELD_PARTS = 4 };

/* Places at which codes of a width are left. 1-bit codes, which count twice, share the places 1 to
 * 4; 8-bit codes take turns, so that two chains of additions share the work. */
LW_INLINE int lw_field_parts(const int bits) {
    return bits == 8 ? 2 : bits == 1 ? 4 : (8 + bits - 1) / bits;
}

LW_INLINE int lw_field_part(const int bits, const int field) {
    if (bits == 8) {
        return field % 2;
    }
    if (bits == 1) {
        return (field + LW_FIELD_PARTS - 1) % LW_FIELD_PARTS;
    }
    return field < lw_fields_whole(bits) ? field % (8 / bits) % LW_FIELD_PARTS
                                         : lw_field_parts(bits) - 1;
}

/* A composed code ends at bit 7. */
LW_INLINE int lw_part_shift(const int bits, const int part) {
    return part * bits < 8 - bits ? part * bits : 8 - bits;
}

/* 64 bytes whose bits from `bit` on, `width` of them, are set. */
LW_INLINE __m512i lw_byte_mask(const int bit, const int width) {
    return _mm512_set1_epi8((char)(((1 << width) - 1) << bit));
}

/* A tile in registers: each vector is loaded once, whatever the number of fields that it has a part
 * of. */
typedef struct {
    __m512i vector[8]; /* `bits` of them */
} lw_fields_tile;

LW_INLINE lw_fields_tile lw_load_tile(const uint8_t *tile, const int bits) {
    lw_fields_tile loaded;
#pragma GCC unroll 8
    for (int i = 0; i < bits; i++) {
        loaded.vector[i] = _mm512_load_si512((const void *)(tile + i * LW_FIELDS_VECTOR));
    }
    return loaded;
}

/* One field of a tile; `bits` and `field` are constants. */
LW_INLINE __m512i lw_field(const lw_fields_tile *tile, const int bits, const int field) {
    const lw_piece first = lw_field_piece(bits, field, 0);
    __m512i code = tile->vector[first.vector];
    if (bits == 8) {
        return code;
    }
    if (bits == 1) {
        const int place = 1 + lw_field_part(bits, field);
        code = first.bit > place   ? _mm512_srli_epi16(code, first.bit - place)
               : first.bit < place ? _mm512_slli_epi16(code, place - first.bit)
                                   : code;
        return _mm512_and_si512(code, lw_byte_mask(place, 1));
    }
    if (field < lw_fields_whole(bits)) {
        return _mm512_and_si512(code, lw_byte_mask(first.bit, bits));
    }
    int joined = first.width;
#pragma GCC unroll 8
    for (int i = 1; i < LW_FIELDS_PIECES; i++) {
        const lw_piece p = lw_field_piece(bits, field, i);
        if (p.width > 0) {
            const int down = p.bit + p.width - (8 - joined);
            /* the joined bits of code, below them those of the piece: mask ? code : piece */
            code = _mm512_ternarylogic_epi32(lw_byte_mask(8 - joined, joined), code,
                                             _mm512_srli_epi16(tile->vector[p.vector], down), 0xca);
            joined += p.width;
        }
    }
    return _mm512_and_si512(code, lw_byte_mask(8 - bits, bits));
}

#endif
