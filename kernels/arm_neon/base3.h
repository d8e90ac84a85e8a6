/* Layout base3 on ARM: the byte of five codes is 27 * u + v, and TBL looks up a sum for each part.
 *
 *   key      high byte of 19 * byte, which is 2 * u or 2 * u + 1 for every byte below 243
 *   v        byte - 27 * u: columns 0, 1 and 2, 27 entries
 *   u        columns 3 and 4, by key: 9 entries, each twice
 *
 * A sum over columns of (code - 1) * x is at most 381 (v) or 254 (u); increased by as much it is
 * cut into two digits, low + LW_BASE3_BASE * high. Digits of v are stored increased by LW_BASE3_LOW
 * and LW_BASE3_HIGH, digits of u are stored as the difference from these, so that UABA, which adds
 * absolute differences, adds the digits of both: at most 2 * 25 for low, 29 + 19 for high, which
 * LW_BASE3_RUN column tiles add up to at most 250 in a byte.
 */
#ifndef LW_NEON_BASE3_H
#define LW_NEON_BASE3_H

enum {
    LW_BASE3_ROWS = 64,
    LW_BASE3_COLS = 5,
    LW_BASE3_TABLE = 256, /* bytes, of which the first half is used: four times 32 entries */
    LW_BASE3_V_LOW = 0,   /* where each 32 lie */
    LW_BASE3_V_HIGH = 32,
    LW_BASE3_U_LOW = 64,
    LW_BASE3_U_HIGH = 96,
    LW_BASE3_V_BIAS = 3 * 127,
    LW_BASE3_U_BIAS = 2 * 127,
    LW_BASE3_BIAS = LW_BASE3_V_BIAS + LW_BASE3_U_BIAS, /* of a column tile */
    LW_BASE3_BASE = 26,
    LW_BASE3_LOW = LW_BASE3_BASE - 1,
    LW_BASE3_HIGH = 2 * LW_BASE3_U_BIAS / LW_BASE3_BASE,
    LW_BASE3_RUN = 5,
    LW_BASE3_KEY = 19, /* 27 * 19 = 2 * 256 + 1 */
    LW_BASE3_V = 27,
    LW_BASE3_KEYS = 18,
};

#endif
