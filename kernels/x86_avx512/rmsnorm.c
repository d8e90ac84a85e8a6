/* Two passes, 16 elements a step: the fold of squares, whose chain of additions is the definition,
 * then the products. Masked lanes of the last step add +0 * +0, which changes no lane.
 *
 * In decode the weights come from memory, since a token reads much else between two uses: the first
 * pass, which waits for its additions, fetches them for the second. */
#include "../kernels.h"
#include "vec.h"

void lw_rmsnorm_avx512(float *y, const float *x, const float *w, int32_t n, float eps) {
    const int32_t whole = n / LW_LANES * LW_LANES;
    const __mmask16 rest = lw_lanes(n - whole);
    const __m512 last = _mm512_maskz_loadu_ps(rest, x + whole);
    __m512 squares = _mm512_setzero_ps();
    for (int32_t i = 0; i < whole; i += LW_LANES) {
        const __m512 v = _mm512_loadu_ps(x + i);
        _mm_prefetch((const char *)(w + i), _MM_HINT_T1);
        squares = _mm512_add_ps(squares, _mm512_mul_ps(v, v));
    }
    squares = _mm512_add_ps(squares, _mm512_mul_ps(last, last));
    const __m128 mean = _mm_set_ss(lw_fold(squares) / (float)n + eps);
    const __m512 r = _mm512_set1_ps(1.0f / _mm_cvtss_f32(_mm_sqrt_ss(mean)));
    for (int32_t i = 0; i < whole; i += LW_LANES) {
        const __m512 v = _mm512_mul_ps(_mm512_loadu_ps(x + i), r);
        _mm512_storeu_ps(y + i, _mm512_mul_ps(v, _mm512_loadu_ps(w + i)));
    }
    const __m512 products =
        _mm512_mul_ps(_mm512_mul_ps(last, r), _mm512_maskz_loadu_ps(rest, w + whole));
    _mm512_mask_storeu_ps(y + whole, rest, products);
}
