/* float32 rows (gemv_float.h). */
#include "../kernels.h"
#include "gemv_float.h"

LW_INLINE __m512 load_weights(const void *w, size_t i, __mmask16 m, size_t ahead) {
    const float *weights = (const float *)w + i;
    _mm_prefetch((const char *)(weights + ahead), _MM_HINT_T1);
    return _mm512_maskz_loadu_ps(m, weights);
}

void lw_gemv_f32_avx512(const void *w, int32_t cols, const float *x, float *y, int32_t row_begin,
                        int32_t row_end) {
    lw_gemv_float(w, cols, x, y, row_begin, row_end, load_weights);
}
