/* The first pass fetches the weights for the second: in decode they come from memory. */
#include "../kernels.h"
#include "simd.h"

#include <math.h>

void lw_rmsnorm_avx2(float *y, const float *x, const float *w, int32_t n, float eps) {
    lw_lanes squares = lw_lanes_zero();
    int32_t i = 0;
    for (; i + LW_LANES <= n; i += LW_LANES) {
        const lw_lanes v = lw_load(x + i);
        _mm_prefetch((const char *)(w + i), _MM_HINT_T1);
        squares = lw_lanes_mul_add(squares, v, v);
    }
    const lw_lanes part = lw_load_part(x + i, n - i);
    squares = lw_lanes_mul_add(squares, part, part);

    const float scale = 1.0f / sqrtf(lw_fold(squares) / (float)n + eps);
    const __m256 r = _mm256_set1_ps(scale);
    for (i = 0; i + 8 <= n; i += 8) {
        const __m256 v = _mm256_mul_ps(_mm256_loadu_ps(x + i), r);
        _mm256_storeu_ps(y + i, _mm256_mul_ps(v, _mm256_loadu_ps(w + i)));
    }
    const __m256i rest = lw_mask(n - i);
    const __m256 v = _mm256_mul_ps(_mm256_maskload_ps(x + i, rest), r);
    _mm256_maskstore_ps(y + i, rest, _mm256_mul_ps(v, _mm256_maskload_ps(w + i, rest)));
}
