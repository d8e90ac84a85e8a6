/* Tables of half the base-3 codes (base3.h): entry e of table i is the sum over j of
 * (digit_j(121 + e) - 1) * x[5i + j] as two signed bytes.
 *
 *   low   int16 [32]: entry a < 27 for digits 0..2    \  code c = low[c % 27] + high[c / 27],
 *   high  int16 [32]: entry b < 9 for digits 3 and 4  /  four registers of 32 codes
 *
 * Each half comes from byte products with constant digits, each register of sums from two word
 * permutes and an addition; sums are then cut into two digits of base 36, a byte each.
 */
#include "../kernels.h"
#include "base3.h"
#include "vec.h"

#include <string.h>

enum {
    WORDS = 32,
    VECTORS = LW_BASE3_ENTRIES / WORDS,
    LAST_ENTRIES = LW_BASE3_ZERO + 1 - (VECTORS - 1) * WORDS, /* of the last register */
};

/* Quotient of words by a constant: exact for words below 256 and the divisors 3, 9 and 27, and for
 * words up to 1301 and the divisor 36. */
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

/* The digit h of |sum| <= 635 that leaves -18 <= sum - 36 * h <= 17. */
LW_INLINE __m512i high_digit_of(__m512i sum) {
    const int16_t bias = LW_BASE3_BASE * LW_BASE3_DIGIT; /* makes the dividend positive */
    const __m512i positive =
        _mm512_add_epi16(sum, _mm512_set1_epi16((int16_t)(bias + LW_BASE3_DIGIT)));
    return _mm512_sub_epi16(divide(positive, LW_BASE3_BASE), _mm512_set1_epi16(LW_BASE3_DIGIT));
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
    const __m512i bytes = _mm512_add_epi16(_mm512_mullo_epi16(iota, _mm512_set1_epi16(0x0404)),
                                           _mm512_set1_epi16(0x0200)); /* 0, 2, 4 .. 126 */
    __m512i low_index[VECTORS], high_index[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        const __m512i code =
            _mm512_add_epi16(iota, _mm512_set1_epi16((int16_t)(LW_BASE3_ZERO + v * WORDS)));
        low_index[v] = remainder_of(code, 27);
        high_index[v] = divide(code, 27);
    }
    const __m512i ones = _mm512_set1_epi8(1);

    for (int32_t i = begin; i < end; i++) {
        const int8_t *x5 = x->codes + (size_t)i * LW_BASE3_COLS;
        uint8_t *table = (uint8_t *)lut + (size_t)i * LW_BASE3_TABLE;
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
        __m512i low_digit[VECTORS], high_digit[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            __m512i sum = _mm512_add_epi16(_mm512_permutexvar_epi16(low_index[v], low),
                                           _mm512_permutexvar_epi16(high_index[v], high));
            if (v + 1 == VECTORS) {
                sum = _mm512_maskz_mov_epi16((1u << LAST_ENTRIES) - 1u, sum);
            }
            high_digit[v] = high_digit_of(sum);
            low_digit[v] = _mm512_sub_epi16(
                sum, _mm512_mullo_epi16(high_digit[v], _mm512_set1_epi16(LW_BASE3_BASE)));
        }
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v += 2) {
            _mm512_store_si512(table + v * WORDS,
                               _mm512_permutex2var_epi8(low_digit[v], bytes, low_digit[v + 1]));
            _mm512_store_si512(table + LW_BASE3_ENTRIES + v * WORDS,
                               _mm512_permutex2var_epi8(high_digit[v], bytes, high_digit[v + 1]));
        }
    }
}
