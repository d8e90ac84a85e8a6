/* Layout base3 on AVX2: the byte of five codes is 27 * u + 13 + v with |v| <= 13, and VPSHUFB looks
 * up a sum for each part, or its digits.
 *
 *   u   columns 3 and 4: 9 entries, by u
 *   v   columns 0, 1 and 2: 14 entries, by |v|; the sum of -v is minus the sum of v
 *
 * A sum over columns of (code - 1) * x is at most 254 (u) or 381 (v) and is cut into two digits,
 * low + LW_BASE3_BASE * high, |low| <= 12, so that a negated sum has negated digits. Both parts
 * together add at most 24 to a low digit and 10 + 15 to a high one, so LW_BASE3_RUN column tiles
 * reach 125 in a signed byte.
 */
#ifndef LW_AVX2_BASE3_H
#define LW_AVX2_BASE3_H

#include "codes.h"

enum {
    LW_BASE3_ROWS = 64,
    LW_BASE3_COLS = 5,
    LW_BASE3_TABLE = 256, /* bytes, of which 64 are used: four times 16 entries */
    LW_BASE3_V_LOW = 0,   /* where each 16 lie */
    LW_BASE3_V_HIGH = 16,
    LW_BASE3_U_LOW = 32,
    LW_BASE3_U_HIGH = 48,
    LW_BASE3_V_COLS = 3,
    LW_BASE3_U_ENTRIES = 9,
    LW_BASE3_V_ENTRIES = 14,
    LW_BASE3_V_ZERO = 13, /* what u leaves of the code, where v is 0 */
    LW_BASE3_BASE = 25,
    LW_BASE3_RUN = 5,
};

/* floor(byte / 27) of 32 bytes. */
LW_INLINE __m256i lw_base3_part_u(__m256i bytes) {
    const __m256i reciprocal = _mm256_set1_epi16(65536 / 27 + 1);
    const __m256i even = _mm256_and_si256(bytes, _mm256_set1_epi16(0xff));
    const __m256i odd = _mm256_xor_si256(bytes, even);
    const __m256i high =
        _mm256_and_si256(_mm256_mulhi_epu16(odd, reciprocal), _mm256_set1_epi16((short)0xff00));
    return _mm256_or_si256(_mm256_mulhi_epu16(even, reciprocal), high);
}

LW_INLINE __m256i lw_base3_part_v(__m256i bytes, __m256i u) {
    const __m256i zero_of_u =
        _mm256_setr_epi8(13, 40, 67, 94, 121, -108, -81, -54, -27, 0, 0, 0, 0, 0, 0, 0, 13, 40, 67,
                         94, 121, -108, -81, -54, -27, 0, 0, 0, 0, 0, 0, 0);
    return _mm256_sub_epi8(bytes, _mm256_shuffle_epi8(zero_of_u, u));
}

#endif
