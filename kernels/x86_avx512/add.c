/* y = a + b, 16 elements a step; the last step is masked. */
#include "../kernels.h"
#include "vec.h"

void lw_add_avx512(float *y, const float *a, const float *b, int32_t n) {
    for (int32_t i = 0; i < n; i += LW_LANES) {
        const __mmask16 m = lw_lanes(n - i);
        const __m512 left = _mm512_maskz_loadu_ps(m, a + i);
        const __m512 right = _mm512_maskz_loadu_ps(m, b + i);
        _mm512_mask_storeu_ps(y + i, m, _mm512_add_ps(left, right));
    }
}
