/* Estimates of layout split: the high parts, 3 bits a code, times int8. With codes of 7 at most,
 * 16-bit sums are exact over a group: 16 results of VPMADDUBSW of at most 2 * 7 * 127 reach 28448.
 */
#include "../kernels.h"
#include "split.h"

enum {
    AHEAD = 8, /* groups from what is multiplied to what is fetched */
    GROUP = 2 * LW_SPLIT_TILE,
};

/* Sums of 16 rows over a group. */
LW_INLINE void sum_group(__m256i sums[2], const uint8_t *const tiles[2], const int8_t *x) {
    sums[0] = sums[1] = _mm256_setzero_si256();
#pragma GCC unroll 16
    for (int i = 0; i < LW_SPLIT_STEPS; i++) {
        const __m256i x4 = lw_broadcast4(x + i * LW_FIELD_COLS);
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            const __m256i codes =
                lw_field(tiles[i / LW_FIELDS], half, LW_SPLIT_HIGH_BITS, i % LW_FIELDS);
            sums[half] = lw_add_words(sums[half], _mm256_maddubs_epi16(codes, x4));
        }
    }
    for (int half = 0; half < 2; half++) {
        sums[half] = _mm256_madd_epi16(sums[half], _mm256_set1_epi16(1));
    }
}

static void estimate_tile(const lw_matrix *w, const lw_split *s, const lw_q8 *x,
                          const lw_split_group *groups, float *estimate, float *radius,
                          int32_t tile) {
    const uint8_t *high = s->high + (size_t)tile * s->row_tile;
    const void *scales = lw_tile_scales(w, LW_SPLIT_ROWS, tile, 0);
    __m256 twice[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    __m256 square[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (int32_t g = 0; g < s->groups; g++) {
        const uint8_t *tiles[2];
        lw_split_tiles(w, high, g, tiles);
#pragma GCC unroll 6
        for (int i = 0; i < GROUP; i += LW_SPLIT_VECTOR) {
            _mm_prefetch((const char *)(tiles[0] + AHEAD * GROUP + i), _MM_HINT_T0);
        }
        const uint16_t *group_scales = (const uint16_t *)scales + g * LW_SPLIT_ROWS;
        _mm_prefetch((const char *)(group_scales + AHEAD * LW_SPLIT_ROWS), _MM_HINT_T0);
        const __m256 energy = _mm256_set1_ps(groups[g].energy);
        const __m256i start = _mm256_set1_epi32(groups[g].high_start);
        __m256i sums[2];
        sum_group(sums, tiles, x->codes + g * LW_SPLIT_BLOCK_COLS);
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            const __m256 sum16 =
                _mm256_cvtepi32_ps(_mm256_add_epi32(_mm256_slli_epi32(sums[half], 4), start));
            const __m256 scale = lw_load_scales(w, scales, (size_t)(g * LW_SPLIT_ROWS + half * 8));
            const __m256 scale2 = _mm256_mul_ps(scale, scale);
            twice[half] = _mm256_add_ps(twice[half], _mm256_mul_ps(scale, sum16));
            square[half] = _mm256_add_ps(square[half], _mm256_mul_ps(scale2, energy));
        }
    }
    for (int half = 0; half < 2; half++) {
        const int32_t row = tile * LW_SPLIT_ROWS + half * 8;
        const __m256 estimates = _mm256_mul_ps(twice[half], _mm256_set1_ps(0.5f));
        lw_store_rows(estimate + row, w->rows - row, estimates);
        lw_store_rows(radius + row, w->rows - row, _mm256_sqrt_ps(square[half]));
    }
}

void lw_split_estimate_avx2(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                            float *estimate, float *radius, int32_t tile_begin, int32_t tile_end) {
    const lw_split s = lw_split_parts(w);
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        estimate_tile(w, &s, x, groups, estimate, radius, tile);
    }
}
