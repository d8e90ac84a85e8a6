/* Four rows share the loads of x; each row is one fold in two registers. */
#include "../kernels.h"
#include "simd.h"

static inline void dot_rows(int rows, const float *w, size_t cols, const float *x, float *y) {
    lw_lanes acc[4];
    for (int r = 0; r < rows; r++) {
        acc[r] = lw_lanes_zero();
    }
    const int32_t n = (int32_t)cols;
    int32_t k = 0;
    for (; k + LW_LANES <= n; k += LW_LANES) {
        const lw_lanes v = lw_load(x + k);
        for (int r = 0; r < rows; r++) {
            acc[r] = lw_lanes_mul_add(acc[r], lw_load(w + (size_t)r * cols + k), v);
        }
    }
    const lw_lanes v = lw_load_part(x + k, n - k);
    for (int r = 0; r < rows; r++) {
        acc[r] = lw_lanes_mul_add(acc[r], lw_load_part(w + (size_t)r * cols + k, n - k), v);
        y[r] = lw_fold(acc[r]);
    }
}

void lw_gemv_f32_avx2(const void *w, int32_t cols, const float *x, float *y, int32_t row_begin,
                      int32_t row_end) {
    const size_t stride = (size_t)cols;
    int32_t n = row_begin;
    for (; n + 4 <= row_end; n += 4) {
        dot_rows(4, (const float *)w + (size_t)n * stride, stride, x, y + n);
    }
    for (; n < row_end; n++) {
        dot_rows(1, (const float *)w + (size_t)n * stride, stride, x, y + n);
    }
}
