/* Row-major float matrix times vector: one zmm of fold lanes a row, eight rows in flight so that
 * their chains of additions overlap and share the loads of x. The rows of the next eight are
 * prefetched at the same pace: a row is too short for the hardware to see a stream. */
#ifndef LW_AVX512_GEMV_FLOAT_H
#define LW_AVX512_GEMV_FLOAT_H

#include "vec.h"

enum { LW_GEMV_FLOAT_ROWS = 8 };

/* 16 weights from element i on, as float32; lanes outside the mask are +0 and are not read. The
 * weights `ahead` elements further are prefetched. */
typedef __m512 lw_load_weights(const void *w, size_t i, __mmask16 m, size_t ahead);

/* y[0..count) of `count` rows that follow each other at w. */
LW_INLINE void lw_gemv_float_rows(const void *w, size_t element, int32_t cols, const float *x,
                                  float *y, lw_load_weights *load, const int count) {
    __m512 acc[LW_GEMV_FLOAT_ROWS];
#pragma GCC unroll 8
    for (int r = 0; r < count; r++) {
        acc[r] = _mm512_setzero_ps();
    }
    for (int32_t k = 0; k < cols; k += LW_LANES) {
        const __mmask16 m = lw_lanes(cols - k);
        const __m512 xk = _mm512_maskz_loadu_ps(m, x + k);
#pragma GCC unroll 8
        for (int r = 0; r < count; r++) {
            const size_t i = element + (size_t)r * (size_t)cols + (size_t)k;
            acc[r] = _mm512_add_ps(acc[r],
                                   _mm512_mul_ps(load(w, i, m, (size_t)count * (size_t)cols), xk));
        }
    }
    for (int r = 0; r < count; r++) {
        y[r] = lw_fold(acc[r]);
    }
}

LW_INLINE void lw_gemv_float(const void *w, int32_t cols, const float *x, float *y,
                             int32_t row_begin, int32_t row_end, lw_load_weights *load) {
    int32_t n = row_begin;
    for (; n + LW_GEMV_FLOAT_ROWS <= row_end; n += LW_GEMV_FLOAT_ROWS) {
        lw_gemv_float_rows(w, (size_t)n * (size_t)cols, cols, x, y + n, load, LW_GEMV_FLOAT_ROWS);
    }
    for (; n < row_end; n++) {
        lw_gemv_float_rows(w, (size_t)n * (size_t)cols, cols, x, y + n, load, 1);
    }
}

#endif
