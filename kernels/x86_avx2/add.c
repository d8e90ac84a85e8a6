#include "../kernels.h"
#include "simd.h"

void lw_add_avx2(float *y, const float *a, const float *b, int32_t n) {
    int32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    }
    const __m256i rest = lw_mask(n - i);
    _mm256_maskstore_ps(
        y + i, rest,
        _mm256_add_ps(_mm256_maskload_ps(a + i, rest), _mm256_maskload_ps(b + i, rest)));
}
