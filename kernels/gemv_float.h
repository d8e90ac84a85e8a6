/* Row-major float matrix times vector, for NEON and AVX2: four rows share the loads of x, and each
 * row is one fold in the registers of lw_lanes. Include the folder's simd.h first. */
#ifndef LW_GEMV_FLOAT_H
#define LW_GEMV_FLOAT_H

#include "kernel.h"

/* Weights from element i on as float32: 16 of them, or the first `count` < 16 followed by +0. */
typedef lw_lanes lw_load_weights(const void *w, size_t i);
typedef lw_lanes lw_load_last_weights(const void *w, size_t i, int32_t count);

LW_INLINE void lw_gemv_float_rows(const void *w, size_t element, int32_t cols, const float *x,
                                  float *y, lw_load_weights *load, lw_load_last_weights *load_last,
                                  const int rows) {
    lw_lanes acc[4];
    for (int r = 0; r < rows; r++) {
        acc[r] = lw_lanes_zero();
    }
    int32_t k = 0;
    for (; k + LW_LANES <= cols; k += LW_LANES) {
        const lw_lanes v = lw_load(x + k);
        for (int r = 0; r < rows; r++) {
            const size_t i = element + (size_t)r * (size_t)cols + (size_t)k;
            acc[r] = lw_lanes_mul_add(acc[r], load(w, i), v);
        }
    }
    const lw_lanes v = lw_load_part(x + k, cols - k);
    for (int r = 0; r < rows; r++) {
        const size_t i = element + (size_t)r * (size_t)cols + (size_t)k;
        acc[r] = lw_lanes_mul_add(acc[r], load_last(w, i, cols - k), v);
        y[r] = lw_fold(acc[r]);
    }
}

LW_INLINE void lw_gemv_float(const void *w, int32_t cols, const float *x, float *y,
                             int32_t row_begin, int32_t row_end, lw_load_weights *load,
                             lw_load_last_weights *load_last) {
    int32_t n = row_begin;
    for (; n + 4 <= row_end; n += 4) {
        lw_gemv_float_rows(w, (size_t)n * (size_t)cols, cols, x, y + n, load, load_last, 4);
    }
    for (; n < row_end; n++) {
        lw_gemv_float_rows(w, (size_t)n * (size_t)cols, cols, x, y + n, load, load_last, 1);
    }
}

#endif
