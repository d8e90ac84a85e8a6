/* Low parts of single rows of layout split: a block of 64 columns becomes one vector in the order
 * of the columns, `vpdpbusd` leaves 16 sums, and the sums of 16 blocks are added together.
 *
 *   16 bytes, bits 0 and 1    four copies, shifted down by 0, 2, 4 and 6
 *   8 bytes, bit 2            eight copies, bit b of copy b rotated to bit 2
 */
#include "../kernels.h"
#include "split.h"

enum { BLOCKS = 16 };

LW_INLINE __m512i unpack_block(const uint8_t *block) {
    const __m512i down = _mm512_set_epi64(6, 6, 4, 4, 2, 2, 0, 0);
    const __m512i rotate = _mm512_set_epi64(5, 4, 3, 2, 1, 0, -1, -2);
    int64_t bytes;
    memcpy(&bytes, block + 16, sizeof bytes);
    const __m512i pairs =
        _mm512_srlv_epi64(_mm512_broadcast_i32x4(_mm_loadu_si128((const void *)block)), down);
    const __m512i thirds = _mm512_rorv_epi64(_mm512_set1_epi64(bytes), rotate);
    return _mm512_and_si512(lw_select(4, thirds, pairs), _mm512_set1_epi8(7));
}

/* Element i: the sum of the elements of v[i]. Changes v. */
LW_INLINE __m512i add_across(__m512i v[BLOCKS]) {
    /* first dwords within 16 bytes, of v[i], v[i + 4], v[i + 8], v[i + 12] side by side */
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        v[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(v[i], v[i + 8]),
                                _mm512_unpackhi_epi32(v[i], v[i + 8]));
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        v[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(v[i], v[i + 4]),
                                _mm512_unpackhi_epi32(v[i], v[i + 4]));
    }
    /* then the four parts of 16 bytes: of v[0], v[2], v[1], v[3] at the end */
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        v[i] = _mm512_add_epi32(_mm512_shuffle_i32x4(v[i], v[i + 2], 0x44),
                                _mm512_shuffle_i32x4(v[i], v[i + 2], 0xEE));
    }
    const __m512i sums = _mm512_add_epi32(_mm512_shuffle_i32x4(v[0], v[1], 0x88),
                                          _mm512_shuffle_i32x4(v[0], v[1], 0xDD));
    const __m512i order = _mm512_set_epi32(15, 7, 11, 3, 14, 6, 10, 2, 13, 5, 9, 1, 12, 4, 8, 0);
    return _mm512_permutexvar_epi32(order, sums);
}

static float refine_row(const lw_matrix *w, const lw_split *s, const lw_q8 *x,
                        const lw_split_group *groups, size_t row) {
    const uint8_t *low = s->low + row * s->low_stride;
    const uint16_t *scales = (const uint16_t *)w->scales +
                             row / LW_SPLIT_ROWS * (size_t)s->groups * LW_SPLIT_ROWS +
                             row % LW_SPLIT_ROWS;
    float twice = 0.0f;
    for (int32_t g = 0; g < s->groups; g += BLOCKS) {
        const int32_t count = lw_min_i32(BLOCKS, s->groups - g);
        __m512i v[BLOCKS] = {0};
        for (int32_t b = 0; b < count; b++) {
            const __m512i q =
                _mm512_load_si512((const void *)(x->codes + (g + b) * LW_SPLIT_BLOCK_COLS));
            v[b] = _mm512_dpbusd_epi32(_mm512_setzero_si512(),
                                       unpack_block(low + (g + b) * LW_SPLIT_BLOCK), q);
        }
        int32_t sums[BLOCKS];
        _mm512_storeu_si512(sums, add_across(v));
        for (int32_t b = 0; b < count; b++) {
            const float scale = _cvtsh_ss(scales[(g + b) * LW_SPLIT_ROWS]);
            twice = twice + scale * (float)(2 * sums[b] + groups[g + b].low_start);
        }
    }
    return twice * 0.5f;
}

void lw_split_refine_avx512(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                            const uint32_t *rows, int32_t count, float *low) {
    const lw_split s = lw_split_parts(w);
    for (int32_t i = 0; i < count; i++) {
        if (i + 1 < count) {
            lw_split_prefetch_row(w, &s, rows[i + 1]);
        }
        low[i] = refine_row(w, &s, x, groups, rows[i]);
    }
}
