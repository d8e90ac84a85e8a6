#include "../kernels.h"
#include "simd.h"

void lw_rope_avx2(float *x, const float *cos_sin, int32_t heads, int32_t head_dim) {
    const int32_t half = head_dim / 2;
    for (int32_t h = 0; h < heads; h++) {
        float *head = x + (size_t)h * (size_t)head_dim;
        for (int32_t i = 0; i < half; i += 8) {
            const __m256i mask = lw_mask(half - i);
            const __m256 a = _mm256_maskload_ps(head + i, mask);
            const __m256 b = _mm256_maskload_ps(head + half + i, mask);
            const __m256 cosine = _mm256_maskload_ps(cos_sin + i, mask);
            const __m256 sine = _mm256_maskload_ps(cos_sin + half + i, mask);
            _mm256_maskstore_ps(head + i, mask,
                                _mm256_sub_ps(_mm256_mul_ps(a, cosine), _mm256_mul_ps(b, sine)));
            _mm256_maskstore_ps(head + half + i, mask,
                                _mm256_add_ps(_mm256_mul_ps(b, cosine), _mm256_mul_ps(a, sine)));
        }
    }
}
