/* Tables of layout base3. Code 121 + e, e = 0..121, stands for the sum of (digit j - 1) * x[j] over
 * five columns, |sum| <= 635 (code 121 has all digits 1, so its sum is 0). The table keeps it as
 * low + 36 * high with -18 <= low <= 17 and |high| <= 18: signed bytes low[128], then high[128]. */
#ifndef LW_AVX512_BASE3_H
#define LW_AVX512_BASE3_H

enum {
    LW_BASE3_COLS = 5,
    LW_BASE3_ZERO = 121,
    LW_BASE3_BASE = 36,
    LW_BASE3_DIGIT = 18, /* the greatest magnitude */
    LW_BASE3_ENTRIES = 128,
    LW_BASE3_TABLE = 2 * LW_BASE3_ENTRIES, /* bytes */
};

#endif
