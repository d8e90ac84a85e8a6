/* y = max(gate, 0)^2 * up, 16 elements a step; the last step is masked. */
#include "../kernels.h"
#include "vec.h"

void lw_relu2_mul_avx512(float *y, const float *a, const float *b, int32_t n) {
    for (int32_t i = 0; i < n; i += LW_LANES) {
        const __mmask16 m = lw_lanes(n - i);
        /* vmaxps gives its second operand where the first is NaN */
        const __m512 g = _mm512_max_ps(_mm512_maskz_loadu_ps(m, a + i), _mm512_setzero_ps());
        const __m512 up = _mm512_maskz_loadu_ps(m, b + i);
        _mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(_mm512_mul_ps(g, g), up));
    }
}
