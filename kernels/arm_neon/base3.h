/* Layout base3 on ARM, where TBL is fast on at most 32 entries: the sum S(byte) of (code - 1) * x
 * over the five columns of a byte is looked up in two tables.
 *
 *   S(byte) = U[h] + V[slot], h = byte >> 3, slot = byte - offset(h)
 *
 * V are the sums of the 32 bytes from 117 to 139 and from 160 to 168. Eight bytes of the same h
 * differ in columns 0 and 1 and by what is carried into columns 2 to 4 at a multiple of 9, and
 * eight of V that follow each other differ likewise. Those begin at the slot of byte 8 * h; U, of
 * columns 2 to 4 alone, is the difference between S and V.
 *
 * |V| is at most 635, |U| 381; increased by as much, they are cut into base-32 digits, low and
 * high. Those of U are stored as -1 - digit, so that SABA, which adds absolute differences, adds
 * the digits of both and 1: at most 31 + 31 + 1 and 39 + 23 + 1, which LW_BASE3_RUN column tiles
 * add up to at most 252 in a byte.
 */
#ifndef LW_NEON_BASE3_H
#define LW_NEON_BASE3_H

enum {
    LW_BASE3_ROWS = 64,
    LW_BASE3_COLS = 5,
    LW_BASE3_TABLE = 256, /* bytes, of which the first half is used: four times 32 entries */
    LW_BASE3_ENTRIES = 32,
    LW_BASE3_V_LOW = 0, /* where each 32 lie */
    LW_BASE3_V_HIGH = 32,
    LW_BASE3_U_LOW = 64,
    LW_BASE3_U_HIGH = 96,
    LW_BASE3_V_BIAS = 5 * 127,
    LW_BASE3_U_BIAS = 3 * 127,
    LW_BASE3_DIGIT_BITS = 5,
    LW_BASE3_BASE = 1 << LW_BASE3_DIGIT_BITS,
    /* of a column tile; SABA adds 1 to either digit */
    LW_BASE3_BIAS = LW_BASE3_V_BIAS + LW_BASE3_U_BIAS + 1 + LW_BASE3_BASE,
    LW_BASE3_RUN = 4,
};

/* f(0), ..., f(31): a table by its formula. */
#define LW_BASE3_4(f, e) f(e), f((e) + 1), f((e) + 2), f((e) + 3)
#define LW_BASE3_16(f, e)                                                                          \
    LW_BASE3_4(f, e), LW_BASE3_4(f, (e) + 4), LW_BASE3_4(f, (e) + 8), LW_BASE3_4(f, (e) + 12)
#define LW_BASE3_32(f) {LW_BASE3_16(f, 0), LW_BASE3_16(f, 16)}

/* The byte of a slot, and the slot of byte 8 * h: of a byte that is the same in columns 0 and 1 and
 * at the next multiple of 9, if that is below 8 * h + 8 and a byte, carries into the same column.
 */
#define LW_BASE3_BYTE(slot) ((slot) < 23 ? 117 + (slot) : 137 + (slot))
#define LW_BASE3_NEXT(h) (8 * (h) / 9 * 9 + 9)
#define LW_BASE3_SLOT(h)                                                                           \
    (8 * (h) % 9 + (LW_BASE3_NEXT(h) >= 8 * (h) + 8 || LW_BASE3_NEXT(h) == 243 ? 0                 \
                    : LW_BASE3_NEXT(h) % 81 == 0                               ? 16                \
                    : LW_BASE3_NEXT(h) % 27 == 0                               ? 9                 \
                                                                               : 0))

#endif
