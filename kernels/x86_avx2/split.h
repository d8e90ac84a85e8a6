/* Layout split for AVX2: the codes of 16 rows and a group of 64 columns, one in each byte, in the
 * order of gemm.h. */
#ifndef LW_AVX2_SPLIT_H
#define LW_AVX2_SPLIT_H

#include "../split.h"
#include "fields.h"
#include "gemm.h"

enum {
    LW_SPLIT_VECTOR = 64,
    LW_SPLIT_LOW_BITS = 3,
    LW_SPLIT_STEPS = LW_SPLIT_BLOCK_COLS / 4,
    LW_SPLIT_CODES = LW_SPLIT_ROWS * LW_SPLIT_BLOCK_COLS, /* bytes of an unpacked group */
};

/* Bits of v at `mask`, after a shift of words up by bits, down where negative; constants. */
LW_INLINE __m256i lw_split_bits(__m256i v, int bits, uint8_t mask) {
    const __m256i moved = bits > 0   ? _mm256_slli_epi16(v, bits)
                          : bits < 0 ? _mm256_srli_epi16(v, -bits)
                                     : v;
    return _mm256_and_si256(moved, _mm256_set1_epi8((char)mask));
}

/* 16 bytes of rows 0 and 4, of 1 and 5, ... of 8 rows: transposing dwords within 16 bytes then
 * gives vectors with a dword of each row in order. */
LW_INLINE void lw_split_load8(const uint8_t *const low[8], size_t at, __m256i v[4]) {
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_loadu2_m128i((const void *)(low[i + 4] + at), (const void *)(low[i] + at));
    }
}

/* The codes of 8 rows, half of a row tile, to 32 of every 64 bytes of a step. */
LW_INLINE void lw_split_unpack_half(const lw_matrix *w, const lw_split *s,
                                    const lw_split_rows *rows, int half, int32_t g,
                                    uint8_t *codes) {
    const uint8_t *const *low_rows = rows->low + half * 8;
    const size_t at = (size_t)g * LW_SPLIT_BLOCK;
    const uint8_t *tiles[2];
    __m256i a[4], b[4], pairs[4], thirds[2];
    lw_split_tiles(w, rows->high, g, tiles);
    lw_split_load8(low_rows, at, a);     /* bits 0 and 1 */
    lw_split_load8(low_rows, at + 8, b); /* bit 2 in the upper 8 bytes */
    const __m256i low01 = _mm256_unpacklo_epi32(a[0], a[1]);
    const __m256i low23 = _mm256_unpacklo_epi32(a[2], a[3]);
    const __m256i high01 = _mm256_unpackhi_epi32(a[0], a[1]);
    const __m256i high23 = _mm256_unpackhi_epi32(a[2], a[3]);
    const __m256i third01 = _mm256_unpackhi_epi32(b[0], b[1]);
    const __m256i third23 = _mm256_unpackhi_epi32(b[2], b[3]);
    pairs[0] = _mm256_unpacklo_epi64(low01, low23);
    pairs[1] = _mm256_unpackhi_epi64(low01, low23);
    pairs[2] = _mm256_unpacklo_epi64(high01, high23);
    pairs[3] = _mm256_unpackhi_epi64(high01, high23);
    thirds[0] = _mm256_unpacklo_epi64(third01, third23);
    thirds[1] = _mm256_unpackhi_epi64(third01, third23);
#pragma GCC unroll 16
    for (int i = 0; i < LW_SPLIT_STEPS; i++) {
        const __m256i low = _mm256_or_si256(lw_split_bits(pairs[i % 4], i / 4 * -2, 3),
                                            lw_split_bits(thirds[i % 2], 2 - i / 2, 4));
        const __m256i high = lw_field_up(tiles[i / LW_FIELDS], half, LW_SPLIT_HIGH_BITS,
                                         i % LW_FIELDS, LW_SPLIT_LOW_BITS);
        const __m256i stored = _mm256_or_si256(high, low);
        int32_t dither;
        memcpy(&dither, s->dither + g * LW_SPLIT_BLOCK_COLS + i * 4, sizeof dither);
        const __m256i moved = _mm256_sub_epi8(stored, _mm256_set1_epi32(dither));
        _mm256_store_si256((__m256i *)(void *)(codes + i * LW_STEP_BYTES + half * 32),
                           lw_split_bits(moved, 0, 63));
    }
}

/* Group g of a row tile; what the next groups need is fetched. */
static inline void lw_split_unpack(const lw_matrix *w, const lw_split *s, const lw_split_rows *rows,
                                   int32_t g, uint8_t codes[LW_SPLIT_CODES]) {
    lw_split_prefetch(s, rows->high, rows->low[0], g);
    lw_split_unpack_half(w, s, rows, 0, g, codes);
    lw_split_unpack_half(w, s, rows, 1, g, codes);
}

#endif
