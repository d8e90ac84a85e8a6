/* Tiles of layout fields, one token, without a dot product (widening.h): a field of a quad is two
 * SMLAL with 4 broadcast activations. */
#ifndef LW_NEON_TILES_H
#define LW_NEON_TILES_H

#include "gemv_fields.h"
#include "widening.h"

/* A whole tile, or the `fields` of it from `first` on that stay exact. */
LW_INLINE void add_fields(lw_narrow part[LW_ROW_QUADS], const uint8_t *tile, const int8_t *x,
                          const int first, const int fields, const int bits) {
#pragma GCC unroll 8
    for (int field = first; field < first + fields; field++) {
        const int8x16_t four = lw_broadcast4(vld1q_s8(x + field / 4 * 16), field % 4);
#pragma GCC unroll 4
        for (int i = 0; i < LW_ROW_QUADS; i++) {
            part[i] = lw_narrow_add(part[i], lw_field(tile, i, bits, field), four);
        }
    }
}

LW_INLINE void flush(lw_wide wide[LW_ROW_QUADS], lw_narrow part[LW_ROW_QUADS]) {
    for (int i = 0; i < LW_ROW_QUADS; i++) {
        wide[i] = lw_widen(wide[i], part[i]);
        part[i] = lw_narrow_zero();
    }
}

LW_INLINE lw_row_sums lw_add_tiles_neon(lw_row_sums sums, const uint8_t *tiles, const int8_t *x,
                                        int32_t blocks, const int bits) {
    const int exact = lw_exact_fields(bits);
    lw_narrow part[LW_ROW_QUADS];
    lw_wide wide[LW_ROW_QUADS];
    for (int i = 0; i < LW_ROW_QUADS; i++) {
        part[i] = lw_narrow_zero();
        wide[i] = lw_wide_zero();
    }
    for (int32_t block = 0; block < blocks;) {
        const int32_t end = lw_min_i32(blocks, block + (exact > 8 ? exact / 8 : 1));
        for (; block < end; block++, tiles += bits * LW_FIELDS_VECTOR, x += LW_BLOCK_COLS) {
#pragma GCC unroll 4
            for (int first = 0; first < LW_FIELDS; first += exact < 8 ? exact : 8) {
                add_fields(part, tiles, x, first, exact < 8 ? exact : 8, bits);
                if (exact < 8) {
                    flush(wide, part);
                }
            }
        }
        flush(wide, part);
    }
    for (int i = 0; i < LW_ROW_QUADS; i++) {
        sums.q[i] = vaddq_s32(sums.q[i], lw_join(wide[i]));
    }
    return sums;
}

#endif
