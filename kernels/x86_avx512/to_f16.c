/* vcvtps2ph, 16 elements a step; the last step is masked. */
#include "../kernels.h"
#include "vec.h"

void lw_to_f16_avx512(uint16_t *dst, const float *src, int32_t n) {
    for (int32_t i = 0; i < n; i += LW_LANES) {
        const __mmask16 m = lw_lanes(n - i);
        const __m512 v = _mm512_maskz_loadu_ps(m, src + i);
        const __m256i half = _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm256_mask_storeu_epi16(dst + i, m, half);
    }
}
