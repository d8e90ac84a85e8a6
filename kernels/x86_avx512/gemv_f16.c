/* float16 rows (gemv_float.h), widened by vcvtph2ps. */
#include "../kernels.h"
#include "gemv_float.h"

LW_INLINE __m512 load_weights(const void *w, size_t i, __mmask16 m, size_t ahead) {
    const uint16_t *weights = (const uint16_t *)w + i;
    _mm_prefetch((const char *)(weights + ahead), _MM_HINT_T1);
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, weights));
}

void lw_gemv_f16_avx512(const void *w, int32_t cols, const float *x, float *y, int32_t row_begin,
                        int32_t row_end) {
    lw_gemv_float(w, cols, x, y, row_begin, row_end, load_weights);
}
