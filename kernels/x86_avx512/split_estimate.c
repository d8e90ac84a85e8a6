/* Estimates of layout split: the high parts, 3 bits a code, times int8. A tile of 16 rows x 32
 * columns is three vectors V0, V1, V2; fields stay where they are in their bytes.
 *
 *   fields 0, 2, 4      V0, V1, V2 & 0x07          summed in part[0]
 *   fields 1, 3, 5      V0, V1, V2 & 0x38          summed in part[1], 8 times too large
 *   fields 6, 7         two bits of V0 or V1 and one of V2, in bits 5 to 7: part[2], 32 times
 *
 * so that 8 `vpdpbusd` serve a tile, and three shifts a group. No part overflows: 64 columns add at
 * most 64 * 224 * 127. Row tiles are taken one by one, so that memory is read in order, and
 * prefetched to the second cache: fewer lines can be on their way to the first.
 */
#include "../kernels.h"
#include "split.h"

enum {
    PARTS = 3,
    AHEAD = 16, /* groups from what is multiplied to what is fetched: further than a page */
    GROUP = 2 * LW_SPLIT_TILE,
};

/* One tile of 32 columns. */
LW_INLINE void add_tile(lw_i32x16 part[PARTS], const uint8_t *packed, const int8_t *x) {
    const lw_fields_tile tile = lw_load_tile(packed, LW_SPLIT_HIGH_BITS);
#pragma GCC unroll 8
    for (int field = 0; field < LW_FIELDS; field++) {
        int32_t four;
        memcpy(&four, x + field * LW_FIELD_COLS, sizeof four);
        const int i = lw_field_part(LW_SPLIT_HIGH_BITS, field);
        part[i] = lw_dot4(part[i], lw_field(&tile, LW_SPLIT_HIGH_BITS, field), four);
    }
}

static void prefetch(const uint8_t *high, const uint16_t *scales) {
#pragma GCC unroll 6
    for (int i = 0; i < GROUP; i += LW_SPLIT_VECTOR) {
        _mm_prefetch((const char *)(high + AHEAD * GROUP + i), _MM_HINT_T1);
    }
    _mm_prefetch((const char *)(scales + AHEAD * LW_SPLIT_ROWS), _MM_HINT_T0);
}

static void estimate_tile(const lw_matrix *w, const lw_split *s, const lw_q8 *x,
                          const lw_split_group *groups, float *estimate, float *radius,
                          int32_t tile) {
    const uint8_t *high = s->high + (size_t)tile * s->row_tile;
    size_t scale = (size_t)tile * (size_t)s->groups * LW_SPLIT_ROWS;
    __m512 twice = _mm512_setzero_ps();
    __m512 square = _mm512_setzero_ps();
    for (int32_t g = 0; g < s->groups; g++, scale += LW_SPLIT_ROWS) {
        const int8_t *xg = x->codes + g * LW_SPLIT_BLOCK_COLS;
        const uint8_t *tiles[2];
        lw_split_tiles(w, high, g, tiles);
        prefetch(tiles[0], (const uint16_t *)w->scales + scale);
        /* part[2] starts so that half of it ends with high_start added */
        lw_i32x16 part[PARTS] = {{0}, {0}, (lw_i32x16)_mm512_set1_epi32(2 * groups[g].high_start)};
        add_tile(part, tiles[0], xg);
        add_tile(part, tiles[1], xg + LW_SPLIT_COLS);
        const __m512i sum = (__m512i)((part[0] << 4) + (part[1] << 1) + (part[2] >> 1));
        const __m512 scales = lw_scales(w, scale);
        const __m512 energy = _mm512_set1_ps(groups[g].energy);
        twice = lw_add_scaled(twice, scales, sum);
        square = _mm512_add_ps(square, _mm512_mul_ps(_mm512_mul_ps(scales, scales), energy));
    }
    const int32_t row = tile * LW_SPLIT_ROWS;
    lw_store_rows(estimate, row, w->rows, _mm512_mul_ps(twice, _mm512_set1_ps(0.5f)));
    lw_store_rows(radius, row, w->rows, _mm512_sqrt_ps(square));
}

void lw_split_estimate_avx512(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                              float *estimate, float *radius, int32_t tile_begin,
                              int32_t tile_end) {
    const lw_split s = lw_split_parts(w);
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        estimate_tile(w, &s, x, groups, estimate, radius, tile);
    }
}
