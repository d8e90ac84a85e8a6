/* Low parts of single rows of layout split: a block of 64 columns becomes two vectors in the order
 * of the columns. Of 16 bytes with bits 0 and 1 there are four copies, shifted down by 0, 2, 4, 6;
 * of 8 bytes with bit 2 eight copies, and copy b is tested for bit b.
 */
#include "../kernels.h"
#include "split.h"

/* Columns 0 to 31 of a block, or 32 to 63, times x: 16 sums of two products each. */
LW_INLINE __m256i half_block(const uint8_t *block, const int8_t *x, int half) {
    const __m256i down =
        half == 0 ? _mm256_setr_epi64x(0, 0, 2, 2) : _mm256_setr_epi64x(4, 4, 6, 6);
    const __m256i up = half == 0 ? _mm256_setr_epi64x(0, 1, 2, 3) : _mm256_setr_epi64x(4, 5, 6, 7);
    const __m256i bit = _mm256_sllv_epi64(_mm256_set1_epi8(1), up);
    int64_t bytes;
    memcpy(&bytes, block + 16, sizeof bytes);
    const __m256i copies = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)block));
    const __m256i pairs = lw_split_bits(_mm256_srlv_epi64(copies, down), 0, 3);
    const __m256i tested = _mm256_and_si256(_mm256_set1_epi64x(bytes), bit);
    const __m256i thirds = lw_split_bits(_mm256_cmpeq_epi8(tested, bit), 0, 4);
    const __m256i q = _mm256_load_si256((const void *)(x + half * 32));
    return _mm256_maddubs_epi16(_mm256_or_si256(pairs, thirds), q);
}

LW_INLINE int32_t sum_block(const uint8_t *block, const int8_t *x) {
    const __m256i words = _mm256_add_epi16(half_block(block, x, 0), half_block(block, x, 1));
    const __m256i by8 = _mm256_madd_epi16(words, _mm256_set1_epi16(1));
    const __m128i by4 =
        _mm_add_epi32(_mm256_castsi256_si128(by8), _mm256_extracti128_si256(by8, 1));
    const __m128i by2 = _mm_add_epi32(by4, _mm_shuffle_epi32(by4, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(by2, _mm_shuffle_epi32(by2, 0xB1)));
}

void lw_split_refine_avx2(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                          const uint32_t *rows, int32_t count, float *low) {
    const lw_split s = lw_split_parts(w);
    for (int32_t i = 0; i < count; i++) {
        if (i + 1 < count) {
            lw_split_prefetch_row(w, &s, rows[i + 1]);
        }
        const size_t row = rows[i];
        const uint16_t *scales = lw_tile_scales(w, LW_SPLIT_ROWS, (int32_t)(row / LW_SPLIT_ROWS),
                                                (int32_t)(row % LW_SPLIT_ROWS));
        float twice = 0.0f;
        for (int32_t g = 0; g < s.groups; g++) {
            const int32_t sum = sum_block(s.low + row * s.low_stride + g * LW_SPLIT_BLOCK,
                                          x->codes + g * LW_SPLIT_BLOCK_COLS);
            const float scale = _cvtsh_ss(scales[g * LW_SPLIT_ROWS]);
            twice = twice + scale * (float)(2 * sum + groups[g].low_start);
        }
        low[i] = twice * 0.5f;
    }
}
