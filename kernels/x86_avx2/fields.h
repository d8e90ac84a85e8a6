/* A field of layout fields as an operand of VPMADDUBSW: ymm = 8 rows x 4 columns, one code a byte,
 * each piece shifted to its place in the code. (Left at the top of its byte, a code could saturate
 * the 16-bit sums.) Codes of 1 bit become 0 and 2. */
#ifndef LW_AVX2_FIELDS_H
#define LW_AVX2_FIELDS_H

#include "../fields.h"
#include "codes.h"

/* One field of rows 0-7 (half 0) or 8-15 (half 1) of a tile, times 2^up; all but `tile` are
 * constants. */
LW_INLINE __m256i lw_field_up(const uint8_t *tile, int half, int bits, int field, int up) {
    __m256i code = _mm256_setzero_si256();
    int low = bits + up;
#pragma GCC unroll 8
    for (int i = 0; i < LW_FIELDS_PIECES; i++) {
        const lw_piece p = lw_field_piece(bits, field, i);
        if (p.width > 0) {
            low -= p.width;
            const uint8_t *vector = tile + p.vector * LW_FIELDS_VECTOR + half * 32;
            const __m256i bytes = _mm256_load_si256((const __m256i *)(const void *)vector);
            const __m256i mask = _mm256_set1_epi8((char)(((1 << p.width) - 1) << low));
            const __m256i moved = p.bit > low   ? _mm256_srli_epi16(bytes, p.bit - low)
                                  : p.bit < low ? _mm256_slli_epi16(bytes, low - p.bit)
                                                : bytes;
            const __m256i piece = p.width == 8 ? moved : _mm256_and_si256(moved, mask);
            code = i == 0 ? piece : _mm256_or_si256(code, piece);
        }
    }
    return code;
}

LW_INLINE __m256i lw_field(const uint8_t *tile, int half, int bits, int field) {
    return lw_field_up(tile, half, bits, field, bits == 1 ? 1 : 0);
}

#endif
