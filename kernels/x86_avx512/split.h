/* Layout split for AVX-512: the codes of 16 rows and a group of 64 columns. */
#ifndef LW_AVX512_SPLIT_H
#define LW_AVX512_SPLIT_H

#include "../split.h"
#include "fields.h"

#include <string.h>

enum {
    LW_SPLIT_VECTOR = 64,
    LW_SPLIT_STEPS = LW_SPLIT_BLOCK_COLS / 4, /* a vector holds 16 rows x 4 columns */
};

/* Bits of a where the mask has ones, of b elsewhere. */
LW_INLINE __m512i lw_select(uint8_t mask, __m512i a, __m512i b) {
    return _mm512_ternarylogic_epi64(_mm512_set1_epi8((char)mask), a, b, 0xCA);
}

/* Shift words up by bits, down where negative; a constant. */
LW_INLINE __m512i lw_shift(__m512i v, const int bits) {
    return bits == 0 ? v : bits > 0 ? _mm512_slli_epi16(v, bits) : _mm512_srli_epi16(v, -bits);
}

/* 16 bytes of rows 0, 4, 8, 12, then of 1, 5, 9, 13, ... as vectors, so that transposing dwords
 * within 16 bytes gives vectors with a dword of each row in order. */
LW_INLINE void lw_split_load16(const lw_split_rows *rows, size_t at, __m512i v[4]) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        v[i] = _mm512_castsi128_si512(_mm_loadu_si128((const void *)(rows->low[i] + at)));
#pragma GCC unroll 3
        for (int j = 1; j < 4; j++) {
            const __m128i bytes = _mm_loadu_si128((const void *)(rows->low[i + 4 * j] + at));
            v[i] = _mm512_mask_broadcast_i32x4(v[i], (__mmask16)(15 << (4 * j)), bytes);
        }
    }
}

/* High parts of step s of a group, in bits 3 to 5; other bits are zero. */
LW_INLINE __m512i lw_split_high_step(const lw_fields_tile tiles[2], const int s) {
    const int field = s % LW_FIELDS;
    const int at = lw_part_shift(LW_SPLIT_HIGH_BITS, lw_field_part(LW_SPLIT_HIGH_BITS, field));
    return lw_shift(lw_field(&tiles[s / LW_FIELDS], LW_SPLIT_HIGH_BITS, field), 3 - at);
}

/* code[s]: the codes of columns 4s .. 4s + 3 of group g, a dword for each row. */
LW_INLINE void lw_split_unpack(const lw_matrix *w, const lw_split *s, const lw_split_rows *rows,
                               int32_t g, __m512i code[LW_SPLIT_STEPS]) {
    const uint8_t *packed[2];
    __m512i a[4], b[4], pairs[4], thirds[2];
    lw_split_tiles(w, rows->high, g, packed);
    const lw_fields_tile tiles[2] = {lw_load_tile(packed[0], LW_SPLIT_HIGH_BITS),
                                     lw_load_tile(packed[1], LW_SPLIT_HIGH_BITS)};
    const size_t at = (size_t)g * LW_SPLIT_BLOCK;
    lw_split_load16(rows, at, a);     /* bits 0 and 1 */
    lw_split_load16(rows, at + 8, b); /* bit 2 in the upper 8 bytes */
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        const __m512i even =
            i == 0 ? _mm512_unpacklo_epi32(a[0], a[1]) : _mm512_unpackhi_epi32(a[0], a[1]);
        const __m512i odd =
            i == 0 ? _mm512_unpacklo_epi32(a[2], a[3]) : _mm512_unpackhi_epi32(a[2], a[3]);
        pairs[2 * i] = _mm512_unpacklo_epi64(even, odd);
        pairs[2 * i + 1] = _mm512_unpackhi_epi64(even, odd);
    }
    const __m512i upper0 = _mm512_unpackhi_epi32(b[0], b[1]);
    const __m512i upper1 = _mm512_unpackhi_epi32(b[2], b[3]);
    thirds[0] = _mm512_unpacklo_epi64(upper0, upper1);
    thirds[1] = _mm512_unpackhi_epi64(upper0, upper1);
    const __m512i mask = _mm512_set1_epi8(63);
#pragma GCC unroll 16
    for (int i = 0; i < LW_SPLIT_STEPS; i++) {
        const __m512i low =
            lw_select(4, lw_shift(thirds[i % 2], 2 - i / 2), lw_shift(pairs[i % 4], i / 4 * -2));
        const __m512i stored = lw_select(0x38, lw_split_high_step(tiles, i), low);
        int32_t dither;
        memcpy(&dither, s->dither + g * LW_SPLIT_BLOCK_COLS + i * 4, sizeof dither);
        const __m512i moved = _mm512_sub_epi8(stored, _mm512_set1_epi32(dither));
        code[i] = _mm512_and_si512(moved, mask);
    }
}

#endif
