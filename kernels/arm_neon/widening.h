/* Products of signed bytes without a dot product: SMLAL adds them up in 16 bits, SADALP widens.
 *
 * A code below 2^b (8 bits: -128 to 127) times |x| <= 127 is at most 127 * (2^b - 1) (128 * 127),
 * so sums of lw_exact_fields(b) products stay within 32767:
 *
 *   b   product   products   sum          b   product   products   sum
 *   1   127       256        32512        5   3937      8          31496
 *   2   381       80         30480        6   8001      4          32004
 *   3   889       32         28448        7   16129     2          32258
 *   4   1905      16         30480        8   16256     2          32512
 */
#ifndef LW_NEON_WIDENING_H
#define LW_NEON_WIDENING_H

#include "codes.h"

/* Fields that fit a sum of 16 bits; a whole number of tiles of 8 fields, or a part of one. */
LW_INLINE int lw_exact_fields(const int bits) {
    switch (bits) {
    case 1:
        return 256;
    case 2:
        return 80;
    case 3:
        return 32;
    case 4:
        return 16;
    case 5:
        return 8;
    case 6:
        return 4;
    default:
        return 2;
    }
}

/* Two columns a lane, rows 0 and 1 of a quad in `lo`, rows 2 and 3 in `hi`. */
typedef struct {
    int16x8_t lo, hi;
} lw_narrow;
typedef struct {
    int32x4_t lo, hi;
} lw_wide;

LW_INLINE lw_narrow lw_narrow_zero(void) {
    return (lw_narrow){vdupq_n_s16(0), vdupq_n_s16(0)};
}

LW_INLINE lw_wide lw_wide_zero(void) {
    return (lw_wide){vdupq_n_s32(0), vdupq_n_s32(0)};
}

LW_INLINE lw_narrow lw_narrow_add(lw_narrow sum, int8x16_t codes, int8x16_t x) {
    return (lw_narrow){vmlal_s8(sum.lo, vget_low_s8(codes), vget_low_s8(x)),
                       vmlal_high_s8(sum.hi, codes, x)};
}

LW_INLINE lw_wide lw_widen(lw_wide sum, lw_narrow part) {
    return (lw_wide){vpadalq_s16(sum.lo, part.lo), vpadalq_s16(sum.hi, part.hi)};
}

/* A row a lane. */
LW_INLINE int32x4_t lw_join(lw_wide sum) {
    return vpaddq_s32(sum.lo, sum.hi);
}

#endif
