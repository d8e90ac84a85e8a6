/* Matrix products of any packed layout, from the layout's unpack function. Kernels pass a constant
 * layout, so that the compiler sees the tile sizes. */
#ifndef LW_SCALAR_MATMUL_H
#define LW_SCALAR_MATMUL_H

#include "f16.h"
#include "unpack.h"

enum { LW_MAX_TILE_CODES = LW_MAX_TILE_ROWS * 32 };

static inline int32_t lw_min_i32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static inline int32_t lw_dot(const uint8_t *codes, const int8_t *x, int32_t n) {
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += codes[i] * x[i];
    }
    return sum;
}

/* Columns per scale: the group, or the whole row. */
static inline int32_t lw_group_cols(const lw_matrix *w) {
    return w->group != 0 ? w->group : w->cols;
}

/* Sum of the activations of columns [begin, end); begin is a multiple of LW_SUM_COLS, and what
 * follows the last column in its entry is zero. */
static inline int32_t lw_x_sum(const int32_t *sums, int32_t begin, int32_t end) {
    int32_t sum = 0;
    for (int32_t i = begin / LW_SUM_COLS; i * LW_SUM_COLS < end; i++) {
        sum += sums[i];
    }
    return sum;
}

/* Where the scale and the zero point of group g for row r of a row tile lie, in elements. */
static inline size_t lw_group_row(const lw_matrix *w, int32_t tile_rows, int32_t tile, int32_t g,
                                  int32_t r) {
    const size_t group = (size_t)lw_group_cols(w);
    const size_t groups = ((size_t)w->cols + group - 1) / group;
    return ((size_t)tile * groups + (size_t)g) * (size_t)tile_rows + (size_t)r;
}

static inline float lw_scale(const lw_matrix *w, size_t at) {
    return w->group == 0 ? ((const float *)w->scales)[at]
                         : lw_f16_to_f32(((const uint16_t *)w->scales)[at]);
}

static inline int32_t lw_zero(const lw_matrix *w, size_t at) {
    return w->zeros ? w->zeros[at] : w->offset;
}

/* The first column tile of a row tile. */
static inline const uint8_t *lw_row_tile(const lw_matrix *w, const lw_layout *layout,
                                         int32_t tile) {
    const size_t column_tiles =
        ((size_t)w->cols + (size_t)layout->tile_cols - 1) / (size_t)layout->tile_cols;
    return w->codes + (size_t)tile * column_tiles * lw_tile_bytes(layout, w->bits);
}

/* One token. Groups are whole column tiles: fields and planes have 32 columns, base3 only one
 * group. */
static inline void lw_gemv_scalar(const lw_layout *layout, const lw_matrix *w, const lw_q8 *x,
                                  float *y, int32_t tile_begin, int32_t tile_end) {
    const int32_t rows = layout->tile_rows;
    const int32_t cols = layout->tile_cols;
    const int32_t step = lw_code_step(w->bits);
    const int32_t group_cols = lw_group_cols(w);
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const uint8_t *packed = lw_row_tile(w, layout, tile);
        float acc[LW_MAX_TILE_ROWS] = {0};
        for (int32_t k = 0, g = 0; k < w->cols; g++) {
            const int32_t begin = k;
            const int32_t end = lw_min_i32(w->cols - k, group_cols) + k;
            int32_t sums[LW_MAX_TILE_ROWS] = {0};
            for (; k < end; k += cols) {
                uint8_t codes[LW_MAX_TILE_CODES];
                layout->unpack(packed, w->bits, codes, cols);
                packed += lw_tile_bytes(layout, w->bits);
                for (int32_t r = 0; r < rows; r++) {
                    sums[r] += lw_dot(codes + r * cols, x->codes + k, cols);
                }
            }
            const int32_t x_sum = lw_x_sum(x->sums, begin, end);
            const size_t at = lw_group_row(w, rows, tile, g, 0);
            for (int32_t r = 0; r < rows; r++) {
                const int32_t sum = step * sums[r] - lw_zero(w, at + (size_t)r) * x_sum;
                acc[r] = acc[r] + lw_scale(w, at + (size_t)r) * (float)sum;
            }
        }
        for (int32_t r = 0; r < lw_min_i32(rows, w->rows - tile * rows); r++) {
            y[tile * rows + r] = acc[r] * x->scales[0];
        }
    }
}

/* Many tokens: a row tile is unpacked once into scratch, uint8 [tile_rows][stride]. */
static inline void lw_gemm_scalar(const lw_layout *layout, const lw_matrix *w, const lw_q8 *x,
                                  int32_t tokens, float *y, size_t y_stride, int32_t tile_begin,
                                  int32_t tile_end, void *scratch) {
    const int32_t rows = layout->tile_rows;
    const int32_t step = lw_code_step(w->bits);
    const int32_t group_cols = lw_group_cols(w);
    uint8_t *codes = scratch;
    for (int32_t tile = tile_begin; tile < tile_end; tile++) {
        const uint8_t *packed = lw_row_tile(w, layout, tile);
        for (int32_t k = 0; k < w->cols; k += layout->tile_cols) {
            layout->unpack(packed, w->bits, codes + k, x->stride);
            packed += lw_tile_bytes(layout, w->bits);
        }
        for (int32_t t = 0; t < tokens; t++) {
            const int8_t *xt = x->codes + (size_t)t * (size_t)x->stride;
            const int32_t *sums = x->sums + (size_t)t * (size_t)(x->stride / LW_SUM_COLS);
            float *yt = y + (size_t)t * y_stride + (size_t)tile * (size_t)rows;
            for (int32_t r = 0; r < lw_min_i32(rows, w->rows - tile * rows); r++) {
                const uint8_t *row = codes + (size_t)r * (size_t)x->stride;
                float acc = 0.0f;
                for (int32_t k = 0, g = 0; k < w->cols; g++) {
                    const int32_t n = lw_min_i32(w->cols - k, group_cols);
                    const size_t at = lw_group_row(w, rows, tile, g, r);
                    const int32_t sum = step * lw_dot(row + k, xt + k, n) -
                                        lw_zero(w, at) * lw_x_sum(sums, k, k + n);
                    acc = acc + lw_scale(w, at) * (float)sum;
                    k += n;
                }
                yt[r] = acc * x->scales[t];
            }
        }
    }
}

/* One row: y[k] = (step * code - zero) * scale. */
static inline void lw_gather_scalar(const lw_layout *layout, const lw_matrix *w, int32_t row,
                                    float *y) {
    const int32_t tile = row / layout->tile_rows;
    const int32_t r = row % layout->tile_rows;
    const int32_t step = lw_code_step(w->bits);
    const int32_t group_cols = lw_group_cols(w);
    const uint8_t *packed = lw_row_tile(w, layout, tile);
    for (int32_t k = 0; k < w->cols; k++) {
        const size_t tile_bytes = lw_tile_bytes(layout, w->bits);
        const uint8_t *column_tile = packed + (size_t)(k / layout->tile_cols) * tile_bytes;
        const size_t at = lw_group_row(w, layout->tile_rows, tile, k / group_cols, r);
        const int32_t code = (int32_t)layout->code(column_tile, w->bits, r, k % layout->tile_cols);
        y[k] = (float)(step * code - lw_zero(w, at)) * lw_scale(w, at);
    }
}

#endif
