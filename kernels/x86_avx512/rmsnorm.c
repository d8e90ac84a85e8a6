/* Two passes, 16 elements a step: the fold of squares, whose chain of additions is the definition,
 * then the products. A masked lane adds +0 * +0, which changes no lane. */
#include "../kernels.h"
#include "vec.h"

void lw_rmsnorm_avx512(float *y, const float *x, const float *w, int32_t n, float eps) {
    __m512 squares = _mm512_setzero_ps();
    for (int32_t i = 0; i < n; i += LW_LANES) {
        const __m512 v = _mm512_maskz_loadu_ps(lw_lanes(n - i), x + i);
        squares = _mm512_add_ps(squares, _mm512_mul_ps(v, v));
    }
    const __m128 mean = _mm_set_ss(lw_fold(squares) / (float)n + eps);
    const __m512 r = _mm512_set1_ps(1.0f / _mm_cvtss_f32(_mm_sqrt_ss(mean)));
    for (int32_t i = 0; i < n; i += LW_LANES) {
        const __mmask16 m = lw_lanes(n - i);
        const __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x + i), r);
        _mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(m, w + i)));
    }
}
