/* y = gate / (1 + exp(0 - gate)) * up, 16 elements a step; the last step is masked. */
#include "../kernels.h"
#include "vec.h"

void lw_silu_mul_avx512(float *y, const float *a, const float *b, int32_t n) {
    for (int32_t i = 0; i < n; i += LW_LANES) {
        const __mmask16 m = lw_lanes(n - i);
        const __m512 gate = _mm512_maskz_loadu_ps(m, a + i);
        const __m512 e = lw_exp(_mm512_sub_ps(_mm512_setzero_ps(), gate));
        const __m512 act = _mm512_div_ps(gate, _mm512_add_ps(_mm512_set1_ps(1.0f), e));
        const __m512 up = _mm512_maskz_loadu_ps(m, b + i);
        _mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(act, up));
    }
}
