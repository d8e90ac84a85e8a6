/* float32 rows (gemv_float.h), taken as they are. */
#include "../kernels.h"
#include "simd.h"
#include "../gemv_float.h"

LW_INLINE lw_lanes load(const void *w, size_t i) {
    return lw_load((const float *)w + i);
}

LW_INLINE lw_lanes load_last(const void *w, size_t i, int32_t count) {
    return lw_load_part((const float *)w + i, count);
}

void lw_gemv_f32_avx2(const void *w, int32_t cols, const float *x, float *y, int32_t row_begin,
                      int32_t row_end) {
    lw_gemv_float(w, cols, x, y, row_begin, row_end, load, load_last);
}
