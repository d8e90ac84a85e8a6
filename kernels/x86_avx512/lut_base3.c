/* Tables of 243 sums for base-3 codes: entry c of table i is the sum over j of
 * (digit_j(c) - 1) * x[5i + j].
 *
 *   low   int16 [32]: entry a < 27 for digits 0..2    \  entry c = low[c % 27] + high[c / 27],
 *   high  int16 [32]: entry b < 9 for digits 3 and 4  /  eight registers of 32 entries
 *
 * Each half comes from byte products with constant digits, each register of entries from two word
 * permutes and an addition; two registers are then split into 64 low and 64 high bytes.
 */
#include "../kernels.h"
#include "vec.h"

#include <string.h>

enum { COLS = 5, TABLE = 512, HALF = TABLE / 2, WORDS = 32, VECTORS = 8, CODES = 243 };

/* Quotient of words below 256 by a constant: exact for the divisors 3, 9 and 27. */
LW_INLINE __m512i divide(__m512i words, int divisor) {
    return _mm512_mulhi_epu16(words, _mm512_set1_epi16((int16_t)(65536 / divisor + 1)));
}

LW_INLINE __m512i remainder_of(__m512i words, int divisor) {
    const __m512i whole =
        _mm512_mullo_epi16(divide(words, divisor), _mm512_set1_epi16((int16_t)divisor));
    return _mm512_sub_epi16(words, whole);
}

/* The lowest two base-3 digits of every word, as two bytes. */
LW_INLINE __m512i digit_pair(__m512i words) {
    const __m512i second = remainder_of(divide(words, 3), 3);
    return _mm512_or_si512(remainder_of(words, 3), _mm512_slli_epi16(second, 8));
}

/* Two neighbouring activations in every word. */
LW_INLINE __m512i pair(const int8_t *x) {
    int16_t two;
    memcpy(&two, x, sizeof two);
    return _mm512_set1_epi16(two);
}

void lw_lut_base3_avx512(const lw_q8 *x, void *lut, int32_t begin, int32_t end) {
    const __m512i iota =
        _mm512_set_epi16(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13,
                         12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i digits01 = digit_pair(iota); /* of low's entries; of high's: digits 3 and 4 */
    const __m512i digits2 = divide(iota, 9);
    const __m512i even = _mm512_add_epi16(_mm512_mullo_epi16(iota, _mm512_set1_epi16(0x0404)),
                                          _mm512_set1_epi16(0x0200)); /* bytes 0, 2, 4 .. 126 */
    const __m512i odd = _mm512_add_epi8(even, _mm512_set1_epi8(1));
    __m512i low_index[VECTORS], high_index[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        const __m512i entry = _mm512_add_epi16(iota, _mm512_set1_epi16((int16_t)(v * WORDS)));
        low_index[v] = remainder_of(entry, 27);
        high_index[v] = divide(entry, 27);
    }
    const __m512i ones = _mm512_set1_epi8(1);

    for (int32_t i = begin; i < end; i++) {
        const int8_t *x5 = x->codes + (size_t)i * COLS;
        uint8_t *table = (uint8_t *)lut + (size_t)i * TABLE;
        const __m512i x01 = pair(x5);
        const __m512i x2 = _mm512_set1_epi16((int16_t)(x5[2] & 0xff));
        const __m512i x34 = pair(x5 + 3);
        /* digits count from 0, so one time every activation is subtracted */
        const __m512i low = _mm512_sub_epi16(
            _mm512_add_epi16(_mm512_maddubs_epi16(digits01, x01),
                             _mm512_maddubs_epi16(digits2, x2)),
            _mm512_add_epi16(_mm512_maddubs_epi16(ones, x01), _mm512_maddubs_epi16(ones, x2)));
        const __m512i high =
            _mm512_sub_epi16(_mm512_maddubs_epi16(digits01, x34), _mm512_maddubs_epi16(ones, x34));
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v += 2) {
            const __m512i first = _mm512_add_epi16(_mm512_permutexvar_epi16(low_index[v], low),
                                                   _mm512_permutexvar_epi16(high_index[v], high));
            __m512i second = _mm512_add_epi16(_mm512_permutexvar_epi16(low_index[v + 1], low),
                                              _mm512_permutexvar_epi16(high_index[v + 1], high));
            if (v + 2 == VECTORS) {
                second = _mm512_maskz_mov_epi16((1u << CODES % WORDS) - 1u, second);
            }
            _mm512_store_si512(table + v * WORDS, _mm512_permutex2var_epi8(first, even, second));
            _mm512_store_si512(table + HALF + v * WORDS,
                               _mm512_permutex2var_epi8(first, odd, second));
        }
    }
}
