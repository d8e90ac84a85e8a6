/* Tables of half the base-3 codes (base3.h): entry e of table i is the sum over j of
 * (digit_j(121 + e) - 1) * x[5i + j] as two signed bytes.
 *
 * The sum of code a + 27b has a part of three columns that only a decides and a part of two that
 * only b decides; b is 4 to 8 here. So 27 + 5 = 32 words of one register hold all parts of a table:
 *
 *   parts   byte products with constant weights: `a` in words 0..26, `b` in words 27..31
 *   digits  each part cut into low + 36 * high; -18 <= low <= 18 for a, 0 <= low <= 35 for b
 *   table   the digits of both parts by byte permutes, added; a low digit above 17 carries 1
 *
 * Each takes longer than the ports need for all three, so three tables are under way, one in each.
 *
 * Activations enter the products as unsigned bytes, 128 too great. A byte of 128 beside the middle
 * column, with minus the sum of the weights, takes that back.
 */
#include "../kernels.h"
#include "base3.h"
#include "vec.h"

#include <string.h>

enum { A_PARTS = 27, FIRST_B = LW_BASE3_ZERO / A_PARTS, MIDDLE_COLUMN = 2 };

#define EACH_4(f, i) f(i), f((i) + 1), f((i) + 2), f((i) + 3)
#define EACH_16(f, i) EACH_4(f, i), EACH_4(f, (i) + 4), EACH_4(f, (i) + 8), EACH_4(f, (i) + 12)
#define EACH_32(f, i) EACH_16(f, i), EACH_16(f, (i) + 16)
#define EACH_64(f, i) EACH_32(f, i), EACH_32(f, (i) + 32)

/* Weights of the columns of part p, both bytes of word p: columns 0 and 1 or 3 and 4; column 2. */
#define B_OF(p) ((p) - A_PARTS + FIRST_B)
#define WEIGHT(p, column)                                                                          \
    ((p) < A_PARTS ? (p) / ((column) == 0 ? 1 : 3) % 3 - 1                                         \
                   : B_OF(p) / ((column) == 0 ? 1 : 3) % 3 - 1)
#define MIDDLE(p) ((p) < A_PARTS ? (p) / 9 - 1 : 0)
#define OUTER_WEIGHT(i) WEIGHT((i) / 2, (i) % 2)
#define MIDDLE_WEIGHT(i)                                                                           \
    ((i) % 2 == 0 ? MIDDLE((i) / 2) : -(WEIGHT((i) / 2, 0) + WEIGHT((i) / 2, 1) + MIDDLE((i) / 2)))
/* What to add before a quotient is cut: half of the base for part a. High digits of b come out
 * SHIFT too great and those of a SHIFT too small, which adds up to nothing; that many bases are
 * whole multiples of 256, so that bytes of low digits see nothing of it. */
#define SHIFT 64
#define ROUNDING(p) ((p) < A_PARTS ? LW_BASE3_DIGIT - SHIFT * LW_BASE3_BASE : SHIFT * LW_BASE3_BASE)

static const _Alignas(64) int8_t outer_weights[64] = {EACH_64(OUTER_WEIGHT, 0)};
static const _Alignas(64) int8_t middle_weights[64] = {EACH_64(MIDDLE_WEIGHT, 0)};
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

/* The parts of a table. */
LW_INLINE __m512i parts_of(const int8_t *x5) {
    const __m512i sign = _mm512_set1_epi8((char)0x80);
    const __mmask64 even = 0x5555555555555555;
    int64_t eight; /* five are used */
    memcpy(&eight, x5, sizeof eight);
    const __m512i positive = _mm512_xor_si512(_mm512_set1_epi64(eight), sign);
    const __m512i outer = _mm512_permutexvar_epi8(constant(outer_columns), positive);
    const __m512i middle =
        _mm512_mask_shuffle_epi8(sign, even, positive, _mm512_set1_epi16(MIDDLE_COLUMN));
    return _mm512_add_epi16(_mm512_maddubs_epi16(outer, constant(outer_weights)),
                            _mm512_maddubs_epi16(middle, constant(middle_weights)));
}

/* Both digits of parts, in the low bytes. */
typedef struct {
    __m512i low, high;
} digits;

/* Quotients by 36 are exact up to 3275, so those of b are; below zero, as those of a are, exact but
 * for multiples, of which they are one less. There the low digit is 18 instead of -18, which
 * carries in its turn. */
LW_INLINE digits digits_of(__m512i parts) {
    __m512i base = _mm512_set1_epi16(LW_BASE3_BASE);
    __asm__("" : "+v"(base)); /* or compilers multiply by shifts, three instructions */
    const __m512i rounded = _mm512_add_epi16(parts, constant(rounding_of));
    const __m512i high = _mm512_mulhi_epi16(rounded, _mm512_set1_epi16(65536 / LW_BASE3_BASE + 1));
    return (digits){_mm512_sub_epi16(parts, _mm512_mullo_epi16(high, base)), high};
}

/* 64 entries whose digits are those of the parts at bytes `a` and `b`. */
LW_INLINE void store_entries(uint8_t *table, __mmask64 used, digits d, __m512i a, __m512i b) {
    const __m512i low = _mm512_maskz_add_epi8(used, _mm512_permutexvar_epi8(a, d.low),
                                              _mm512_permutexvar_epi8(b, d.low));
    const __m512i high = _mm512_maskz_add_epi8(used, _mm512_permutexvar_epi8(a, d.high),
                                               _mm512_permutexvar_epi8(b, d.high));
    const __mmask64 carry = _mm512_cmpgt_epi8_mask(low, _mm512_set1_epi8(LW_BASE3_DIGIT - 1));
    _mm512_store_si512(table,
                       _mm512_mask_sub_epi8(low, carry, low, _mm512_set1_epi8(LW_BASE3_BASE)));
    _mm512_store_si512(table + LW_BASE3_ENTRIES,
                       _mm512_mask_add_epi8(high, carry, high, _mm512_set1_epi8(1)));
}

/* Reads the activations of two tables past the end: activations are padded by 19 (kernel.h). */
void lw_lut_base3_avx512(const lw_q8 *x, void *lut, int32_t begin, int32_t end) {
    const __m512i a[2] = {constant(a_bytes), constant(a_bytes + 64)};
    const __m512i b[2] = {constant(b_bytes), constant(b_bytes + 64)};
    const __mmask64 all = ~(__mmask64)0, last = all >> (LW_BASE3_ENTRIES - LW_BASE3_ZERO - 1);
    const int8_t *x5 = x->codes + (size_t)begin * LW_BASE3_COLS;
    uint8_t *table = (uint8_t *)lut + (size_t)begin * LW_BASE3_TABLE;
    digits d = digits_of(parts_of(x5));
    __m512i parts = parts_of(x5 + LW_BASE3_COLS);
    for (int32_t i = begin; i < end; i++, x5 += LW_BASE3_COLS, table += LW_BASE3_TABLE) {
        const __m512i second = parts_of(x5 + 2 * LW_BASE3_COLS);
        const digits first = digits_of(parts);
        store_entries(table, all, d, a[0], b[0]);
        store_entries(table + 64, last, d, a[1], b[1]);
        parts = second;
        d = first;
    }
}
