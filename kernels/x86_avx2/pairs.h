/* Products of 2-bit codes in layout fields. One shift serves two fields of a vector: of the codes
 * it leaves in each half byte, the second stays 2 bits up, and its sums are 4 times as great.
 */
#ifndef LW_AVX2_PAIRS_H
#define LW_AVX2_PAIRS_H

#include "../fields.h"
#include "codes.h"

enum { LW_PAIR_TILES = 2 }; /* column tiles added together */

/* int32 sums of the 16 rows of a tile. */
typedef struct {
    __m256i lo; /* rows 0-7 */
    __m256i hi; /* rows 8-15 */
} lw_row_sums;

/* Sums in 16 bits: of the fields below, and 4 times as great of those 2 bits up. */
typedef struct {
    __m256i below, up;
} lw_pair_sums;

/* One vector of 2-bit codes, for 8 rows. */
LW_INLINE lw_pair_sums lw_add_pairs(lw_pair_sums s, const uint8_t *vector, const __m256i x4[4]) {
    const __m256i below = _mm256_set1_epi8(3);
    const __m256i up = _mm256_set1_epi8(12);
    const __m256i first = _mm256_load_si256((const __m256i *)(const void *)vector);
    const __m256i second = _mm256_srli_epi16(first, 4);
    s.below = lw_add_words(s.below, _mm256_maddubs_epi16(_mm256_and_si256(first, below), x4[0]));
    s.up = lw_add_words(s.up, _mm256_maddubs_epi16(_mm256_and_si256(first, up), x4[1]));
    s.below = lw_add_words(s.below, _mm256_maddubs_epi16(_mm256_and_si256(second, below), x4[2]));
    s.up = lw_add_words(s.up, _mm256_maddubs_epi16(_mm256_and_si256(second, up), x4[3]));
    return s;
}

/* A vector adds to `up` 2 results of VPMADDUBSW of at most 4 * 762: 24384 after LW_PAIR_TILES. */
LW_INLINE __m256i lw_join_pairs(__m256i sums, lw_pair_sums s) {
    const __m256i both = _mm256_add_epi16(s.below, _mm256_srai_epi16(s.up, 2));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(both, _mm256_set1_epi16(1)));
}

/* Sums of LW_PAIR_TILES consecutive tiles of 2-bit codes. */
LW_INLINE lw_row_sums lw_add_pair_tiles(lw_row_sums sums, const uint8_t *tile, const int8_t *x) {
    enum { VECTORS = 2 * LW_PAIR_TILES, VECTOR_FIELDS = LW_FIELDS / 2 };
    lw_pair_sums lo = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    lw_pair_sums hi = lo;
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++, tile += LW_FIELDS_VECTOR) {
        __m256i x4[VECTOR_FIELDS];
        for (int i = 0; i < VECTOR_FIELDS; i++, x += LW_FIELD_COLS) {
            x4[i] = lw_broadcast4(x);
        }
        lo = lw_add_pairs(lo, tile, x4);
        hi = lw_add_pairs(hi, tile + 32, x4);
    }
    sums.lo = lw_join_pairs(sums.lo, lo);
    sums.hi = lw_join_pairs(sums.hi, hi);
    return sums;
}

#endif
