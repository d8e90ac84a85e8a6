#include "../kernels.h"
#include "simd.h"

static inline __m256 relu2_mul(__m256 gate, __m256 up) {
    const __m256 g = _mm256_max_ps(gate, _mm256_setzero_ps());
    return _mm256_mul_ps(_mm256_mul_ps(g, g), up);
}

void lw_relu2_mul_avx2(float *y, const float *a, const float *b, int32_t n) {
    int32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(y + i, relu2_mul(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    }
    const __m256i rest = lw_mask(n - i);
    _mm256_maskstore_ps(
        y + i, rest, relu2_mul(_mm256_maskload_ps(a + i, rest), _mm256_maskload_ps(b + i, rest)));
}
