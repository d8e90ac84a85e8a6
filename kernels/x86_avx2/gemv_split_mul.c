/* Layout split, one token: high and low parts of a group are joined (split.h) and multiplied as
 * whole codes. */
#include "../kernels.h"
#include "split.h"

static void gemv_tile(const lw_matrix *w, const lw_split *s, const lw_q8 *x, float *y,
                      int32_t tile) {
    const void *scales = lw_tile_scales(w, LW_SPLIT_ROWS, tile, 0);
    __m256 acc[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    const lw_split_rows parts = lw_split_row_tile(w, s, tile);
    for (int32_t g = 0; g < s->groups; g++) {
        _Alignas(32) uint8_t codes[LW_SPLIT_CODES];
        const int32_t begin = g * (LW_SPLIT_BLOCK_COLS / LW_BLOCK_COLS);
        const int32_t end = lw_min_i32(lw_blocks(w), begin + 2);
        lw_block_sums sums;
        sums.of[0][0] = sums.of[0][1] =
            _mm256_set1_epi32(-w->offset * lw_x_sum(x->sums, begin, end));
        lw_split_unpack(w, s, &parts, g, codes);
        lw_add_tiles(&sums, codes, x->codes + begin * LW_BLOCK_COLS, 0, end - begin, 6, false, 1);
        const size_t row = (size_t)g * LW_SPLIT_ROWS;
        acc[0] = lw_add_scaled(acc[0], lw_load_scales(w, scales, row), sums.of[0][0]);
        acc[1] = lw_add_scaled(acc[1], lw_load_scales(w, scales, row + 8), sums.of[0][1]);
    }
    const __m256 scale = _mm256_set1_ps(x->scales[0]);
    const int32_t row = tile * LW_SPLIT_ROWS;
    lw_store_rows(y + row, w->rows - row, _mm256_mul_ps(acc[0], scale));
    lw_store_rows(y + row + 8, w->rows - row - 8, _mm256_mul_ps(acc[1], scale));
}

void lw_gemv_split_mul_avx2(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                            int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    const lw_split s = lw_split_parts(w);
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        gemv_tile(w, &s, x, y, tile);
    }
}
