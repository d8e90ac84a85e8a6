/* The lookup tables of layout planes, the same on every instruction set: entry e of table i is the
 * sum of x[4i + j] over the bits j set in e. The sum plus LW_PLANES_BIAS is stored as two
 * base-32 digits, so that kernels add the bytes of a column tile's 8 tables without a carry: 8 * 31
 * < 256. */
#ifndef LW_PLANES_H
#define LW_PLANES_H

enum {
    LW_PLANES_COLS = 4,                      /* columns of a table */
    LW_PLANES_ENTRIES = 1 << LW_PLANES_COLS, /* the low digits of a table, then the high ones */
    LW_PLANES_TABLE = 2 * LW_PLANES_ENTRIES, /* bytes */
    LW_PLANES_BIAS = LW_PLANES_COLS * 127,   /* makes every entry positive, at most 1016 */
    LW_PLANES_BASE_BITS = 5,
    LW_PLANES_BASE = 1 << LW_PLANES_BASE_BITS, /* entry = low + LW_PLANES_BASE * high */
};

#endif
