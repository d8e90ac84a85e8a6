/* Tables of half the base-3 codes (base3.h): entry e of table i is the sum over j of
 * (digit_j(121 + e) - 1) * x[5i + j] as two signed bytes.
 *
 * The sum of code a + 27b has a part of three columns that only a decides and a part of two that
 * only b decides; b is 4 to 8 here. So 27 + 5 = 32 words of one register hold all parts of a table:
 *
 *   parts   byte products with constant digits: `a` in words 0..26, `b` in words 27..31
 *   digits  each part cut into low + 36 * high; -18 <= low <= 17 for a, 0 <= low <= 35 for b
 *   table   the digits of both parts by byte permutes, added; a low digit above 17 carries 1
 *
 * Activations enter the products as unsigned bytes, 128 too great, which a constant takes back.
 */
#include "../kernels.h"
#include "base3.h"
#include "vec.h"

#include <string.h>

enum { A_PARTS = 27, FIRST_B = (LW_BASE3_ZERO / A_PARTS) };

#define EACH_4(f, i) f(i), f((i) + 1), f((i) + 2), f((i) + 3)
#define EACH_16(f, i) EACH_4(f, i), EACH_4(f, (i) + 4), EACH_4(f, (i) + 8), EACH_4(f, (i) + 12)
#define EACH_32(f, i) EACH_16(f, i), EACH_16(f, (i) + 16)
#define EACH_64(f, i) EACH_32(f, i), EACH_32(f, (i) + 32)

/* Weights of the columns of part p, both bytes of word p: columns 0 and 1 or 3 and 4; column 2. */
#define B_OF(p) ((p) - A_PARTS + FIRST_B)
#define WEIGHT(p, column)                                                                          \
    ((p) < A_PARTS ? (p) / ((column) == 0 ? 1 : 3) % 3 - 1                                         \
                   : B_OF(p) / ((column) == 0 ? 1 : 3) % 3 - 1)
#define OUTER_WEIGHT(i) WEIGHT((i) / 2, (i) % 2)
#define MIDDLE_WEIGHT(i) ((i) / 2 < A_PARTS && (i) % 2 == 0 ? (i) / 18 - 1 : 0)
/* Products are too great by 128 a weight; SHIFT makes parts positive, a multiple of the base. */
#define SHIFT (LW_BASE3_BASE * LW_BASE3_DIGIT)
#define EXCESS(p) (128 * (WEIGHT(p, 0) + WEIGHT(p, 1) + MIDDLE_WEIGHT(2 * (p))) - SHIFT)
/* What to add before a quotient is cut: half of the base for part a. */
#define ROUNDING(p) ((p) < A_PARTS ? LW_BASE3_DIGIT : 0)

static const _Alignas(64) int8_t outer_weights[64] = {EACH_64(OUTER_WEIGHT, 0)};
static const _Alignas(64) int8_t middle_weights[64] = {EACH_64(MIDDLE_WEIGHT, 0)};
static const _Alignas(64) int16_t excess_of[32] = {EACH_32(EXCESS, 0)};
static const _Alignas(64) int16_t rounding_of[32] = {EACH_32(ROUNDING, 0)};

/* The column of each byte of the outer and of the middle products. */
#define OUTER_COLUMN(i) ((i) % 2 + ((i) / 2 < A_PARTS ? 0 : 3))
static const _Alignas(64) int8_t outer_columns[64] = {EACH_64(OUTER_COLUMN, 0)};

/* The byte of the parts of each entry; entries above 121 are masked. */
#define A_BYTE(e) (2 * ((LW_BASE3_ZERO + (e)) % A_PARTS))
#define B_BYTE(e) (2 * (((LW_BASE3_ZERO + (e)) / A_PARTS - FIRST_B) % 5 + A_PARTS))
static const _Alignas(64) int8_t a_bytes[LW_BASE3_ENTRIES] = {EACH_64(A_BYTE, 0),
                                                              EACH_64(A_BYTE, 64)};
static const _Alignas(64) int8_t b_bytes[LW_BASE3_ENTRIES] = {EACH_64(B_BYTE, 0),
                                                              EACH_64(B_BYTE, 64)};

LW_INLINE __m512i constant(const void *at) {
    return _mm512_load_si512(at);
}

/* 64 entries whose digits are those of the parts at bytes `a` and `b`. */
LW_INLINE void store_entries(uint8_t *table, __mmask64 used, __m512i low, __m512i high, __m512i a,
                             __m512i b) {
    const __m512i low_sum = _mm512_maskz_add_epi8(used, _mm512_permutexvar_epi8(a, low),
                                                  _mm512_permutexvar_epi8(b, low));
    const __m512i high_sum = _mm512_maskz_add_epi8(used, _mm512_permutexvar_epi8(a, high),
                                                   _mm512_permutexvar_epi8(b, high));
    const __mmask64 carry = _mm512_cmpgt_epi8_mask(low_sum, _mm512_set1_epi8(LW_BASE3_DIGIT - 1));
    const __m512i low_digit =
        _mm512_mask_sub_epi8(low_sum, carry, low_sum, _mm512_set1_epi8(LW_BASE3_BASE));
    const __m512i high_digit = _mm512_mask_add_epi8(high_sum, carry, high_sum, _mm512_set1_epi8(1));
    _mm512_store_si512(table, low_digit);
    _mm512_store_si512(table + LW_BASE3_ENTRIES, high_digit);
}

void lw_lut_base3_avx512(const lw_q8 *x, void *lut, int32_t begin, int32_t end) {
    const __m512i outer = constant(outer_weights), middle = constant(middle_weights);
    const __m512i columns = constant(outer_columns), excess = constant(excess_of);
    const __m512i rounding = constant(rounding_of), sign = _mm512_set1_epi8((char)0x80);
    const __m512i a[2] = {constant(a_bytes), constant(a_bytes + 64)};
    const __m512i b[2] = {constant(b_bytes), constant(b_bytes + 64)};
    const __mmask64 all = ~(__mmask64)0, last = all >> (LW_BASE3_ENTRIES - LW_BASE3_ZERO - 1);
    /* exact quotients by 36: the parts stay below 1302 */
    const __m512i inverse = _mm512_set1_epi16(65536 / LW_BASE3_BASE + 1);
    const __m512i base = _mm512_set1_epi16(LW_BASE3_BASE);
    const __m512i digit = _mm512_set1_epi16(LW_BASE3_DIGIT);
    for (int32_t i = begin; i < end; i++) {
        const int8_t *x5 = x->codes + (size_t)i * LW_BASE3_COLS;
        uint8_t *table = (uint8_t *)lut + (size_t)i * LW_BASE3_TABLE;
        int64_t eight; /* five are used; activations are padded */
        memcpy(&eight, x5, sizeof eight);
        const __m512i positive = _mm512_xor_si512(_mm512_set1_epi64(eight), sign);
        const __m512i third = _mm512_shuffle_epi8(positive, _mm512_set1_epi16(2));
        const __m512i products = _mm512_add_epi16(
            _mm512_maddubs_epi16(_mm512_permutexvar_epi8(columns, positive), outer),
            _mm512_maddubs_epi16(third, middle));
        const __m512i parts = _mm512_sub_epi16(products, excess);
        const __m512i quotient = _mm512_mulhi_epu16(_mm512_add_epi16(parts, rounding), inverse);
        const __m512i low = _mm512_sub_epi16(parts, _mm512_mullo_epi16(quotient, base));
        const __m512i high = _mm512_sub_epi16(quotient, digit);
        store_entries(table, all, low, high, a[0], b[0]);
        store_entries(table + 64, last, low, high, a[1], b[1]);
    }
}
