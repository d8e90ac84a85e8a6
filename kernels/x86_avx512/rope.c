/* Each half of a head in steps of 16 pairs; the last step of a half is masked. */
#include "../kernels.h"
#include "vec.h"

void lw_rope_avx512(float *x, const float *cos_sin, int32_t heads, int32_t head_dim) {
    const int32_t half = head_dim / 2;
    for (int32_t h = 0; h < heads; h++) {
        float *head = x + (size_t)h * (size_t)head_dim;
        for (int32_t i = 0; i < half; i += LW_LANES) {
            const __mmask16 m = lw_lanes(half - i);
            const __m512 a = _mm512_maskz_loadu_ps(m, head + i);
            const __m512 b = _mm512_maskz_loadu_ps(m, head + half + i);
            const __m512 c = _mm512_maskz_loadu_ps(m, cos_sin + i);
            const __m512 s = _mm512_maskz_loadu_ps(m, cos_sin + half + i);
            _mm512_mask_storeu_ps(head + i, m,
                                  _mm512_sub_ps(_mm512_mul_ps(a, c), _mm512_mul_ps(b, s)));
            _mm512_mask_storeu_ps(head + half + i, m,
                                  _mm512_add_ps(_mm512_mul_ps(b, c), _mm512_mul_ps(a, s)));
        }
    }
}
