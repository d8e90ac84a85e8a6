/* Digits of base-3 codes in registers, one step of four column tiles (64 rows x 20 columns) at a
 * time, and activations in the order that they take.
 *
 *   code    the four column tiles transposed by byte and word unpacks: a dword is the four codes
 *           of a row; zmm i has row 16q + 4i + j at lane 4q + j
 *   low     the code modulo 81 (twice the minimum of itself and itself - 81, unsigned), looked
 *           up: digits 0..3 in two bits each (vpermi2b)
 *   last    the rest of the code, 0, 81 or 162: its lowest two bits are digit 4
 *
 * Beside vpdpbusd, comparisons, masks or gf2p8affineqb would be slower on Zen 4: it has the same
 * two ports for all of these.
 */
#ifndef LW_AVX512_BASE3_DIGITS_H
#define LW_AVX512_BASE3_DIGITS_H

#include "base3.h"
#include "matrix.h"

enum {
    LW_BASE3_VECTOR = 64, /* bytes of a column tile */
    LW_BASE3_STEP_TILES = 4,
    LW_BASE3_STEP_COLS = LW_BASE3_STEP_TILES * LW_BASE3_COLS,
    LW_BASE3_STEP_BYTES = LW_BASE3_STEP_TILES * LW_BASE3_VECTOR,
    LW_BASE3_PAIR = 2, /* zmm transposed together */
};

/* Digits 0..3 of the codes below 128, of which those below 81 are looked up. */
/* clang-format off */
#define LW_FIELDS(c) (uint8_t)((c) % 3 | (c) / 3 % 3 << 2 | (c) / 9 % 3 << 4 | (c) / 27 % 3 << 6)
#define LW_FIELDS4(c) LW_FIELDS(c), LW_FIELDS(c + 1), LW_FIELDS(c + 2), LW_FIELDS(c + 3)
#define LW_FIELDS16(c) LW_FIELDS4(c), LW_FIELDS4(c + 4), LW_FIELDS4(c + 8), LW_FIELDS4(c + 12)
#define LW_FIELDS64(c) LW_FIELDS16(c), LW_FIELDS16(c + 16), LW_FIELDS16(c + 32), LW_FIELDS16(c + 48)
/* clang-format on */
static const uint8_t lw_base3_fields[2 * 64]
    __attribute__((aligned(64))) = {LW_FIELDS64(0), LW_FIELDS64(64)};

/* The activations of `count` tokens, `stride` apart in x, for whole steps: digit j of column tile c
 * of step s and token t at byte (s * count + t) * LW_BASE3_STEP_COLS + j * LW_BASE3_STEP_TILES + c.
 */
static inline void lw_base3_pack(int8_t *to, const int8_t *x, size_t stride, int32_t count,
                                 int32_t cols) {
    enum { DWORDS = LW_BASE3_STEP_COLS / 4 };
    uint8_t index[LW_BASE3_VECTOR / 2] = {0};
    for (int i = 0; i < LW_BASE3_STEP_COLS; i++) {
        index[i] = (uint8_t)(i % LW_BASE3_STEP_TILES * LW_BASE3_COLS + i / LW_BASE3_STEP_TILES);
    }
    const __m256i order = _mm256_loadu_si256((const void *)index);
    for (int32_t k = 0; k < cols; k += LW_BASE3_STEP_COLS) {
        for (int32_t t = 0; t < count; t++, to += LW_BASE3_STEP_COLS) {
            const __m256i codes =
                _mm256_maskz_loadu_epi32((1 << DWORDS) - 1, x + (size_t)t * stride + (size_t)k);
            _mm256_mask_storeu_epi32(to, (1 << DWORDS) - 1, _mm256_permutexvar_epi8(order, codes));
        }
    }
}

/* zmm 2 * pair and 2 * pair + 1 of the transposed codes. */
LW_INLINE void lw_base3_transpose(__m512i code[LW_BASE3_PAIR], const uint8_t *codes,
                                  const int pair) {
    __m512i tile[LW_BASE3_STEP_TILES];
#pragma GCC unroll 4
    for (int i = 0; i < LW_BASE3_STEP_TILES; i++) {
        tile[i] = _mm512_load_si512((const void *)(codes + i * LW_BASE3_VECTOR));
    }
    const __m512i left =
        pair == 0 ? _mm512_unpacklo_epi8(tile[0], tile[1]) : _mm512_unpackhi_epi8(tile[0], tile[1]);
    const __m512i right =
        pair == 0 ? _mm512_unpacklo_epi8(tile[2], tile[3]) : _mm512_unpackhi_epi8(tile[2], tile[3]);
    code[0] = _mm512_unpacklo_epi16(left, right);
    code[1] = _mm512_unpackhi_epi16(left, right);
}

/* Digits 0..3 of 64 codes, two bits each, and digit 4, a byte. */
typedef struct {
    __m512i low, last;
} lw_base3_digits;

LW_INLINE lw_base3_digits lw_base3_decode(__m512i code) {
    const __m512i period = _mm512_set1_epi8(81);
    const __m512i below162 = _mm512_min_epu8(code, _mm512_sub_epi8(code, period));
    const __m512i below81 = _mm512_min_epu8(below162, _mm512_sub_epi8(below162, period));
    return (lw_base3_digits){
        .low = _mm512_permutex2var_epi8(_mm512_load_si512(lw_base3_fields), below81,
                                        _mm512_load_si512(lw_base3_fields + 64)),
        .last = _mm512_sub_epi8(code, below81),
    };
}

LW_INLINE __m512i lw_base3_digit(lw_base3_digits d, const int j) {
    const __m512i from = j < 4 ? d.low : d.last;
    const __m512i shifted = j % 4 == 0 ? from : _mm512_srli_epi16(from, 2 * j);
    return _mm512_and_si512(shifted, _mm512_set1_epi8(3));
}

/* Rows 0 to 7 and 16 to 23 in one register. */
LW_INLINE __m512 lw_base3_load_rows(const float *scales) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_load_ps(scales)),
                              _mm256_load_ps(scales + LW_LANES), 1);
}

/* As far as the masks go. Both halves in registers first: a masked extract to memory would fault
 * where a masked store does not. */
LW_INLINE void lw_base3_store_rows(float *y, __mmask8 low, __mmask8 high, __m512 value) {
    __m256 upper = _mm512_extractf32x8_ps(value, 1);
    __asm__("" : "+v"(upper));
    _mm256_mask_storeu_ps(y, low, _mm512_castps512_ps256(value));
    _mm256_mask_storeu_ps(y + LW_LANES, high, upper);
}

#endif
