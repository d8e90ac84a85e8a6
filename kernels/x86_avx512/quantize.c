/* Absmax, then codes and their sums: 16 elements a step, 32 for one entry of sums. The maximum has
 * no order, so it is taken in two chains of 16 lanes. */
#include "../kernels.h"
#include "vec.h"

enum { STEP = 2 * LW_LANES };

/* Codes of 16 elements as int32; those past n are zero. */
LW_INLINE __m512i quantize(const float *x, int32_t i, int32_t n, __m512 inverse) {
    const __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(lw_lanes(n - i), x + i), inverse);
    const __m512 low = _mm512_max_ps(v, _mm512_set1_ps(-127.0f)); /* a NaN becomes -127 */
    const __m512i codes = _mm512_cvtps_epi32(_mm512_min_ps(low, _mm512_set1_ps(127.0f)));
    return _mm512_maskz_mov_epi32(lw_lanes(n - i), codes);
}

void lw_quantize_avx512(const float *x, int32_t n, int8_t *codes, int32_t *sums, float *scale) {
    __m512 max0 = _mm512_set1_ps(1e-5f);
    __m512 max1 = max0;
    for (int32_t i = 0; i < n; i += STEP) {
        const __m512 v0 = _mm512_maskz_loadu_ps(lw_lanes(n - i), x + i);
        const __m512 v1 = _mm512_maskz_loadu_ps(lw_lanes(n - i - LW_LANES), x + i + LW_LANES);
        max0 = _mm512_max_ps(_mm512_abs_ps(v0), max0); /* a NaN leaves the maximum as it is */
        max1 = _mm512_max_ps(_mm512_abs_ps(v1), max1);
    }
    const float m = _mm512_reduce_max_ps(_mm512_max_ps(max0, max1));
    const __m512 inverse = _mm512_set1_ps(127.0f / m);
    const int32_t stride = lw_q8_stride(n);
    for (int32_t i = 0; i < stride; i += STEP) {
        const __m512i q0 = quantize(x, i, n, inverse);
        const __m512i q1 = quantize(x, i + LW_LANES, n, inverse);
        _mm_store_si128((__m128i *)(void *)(codes + i), _mm512_cvtepi32_epi8(q0));
        _mm_store_si128((__m128i *)(void *)(codes + i + LW_LANES), _mm512_cvtepi32_epi8(q1));
        sums[i / LW_SUM_COLS] = _mm512_reduce_add_epi32(_mm512_add_epi32(q0, q1));
    }
    *scale = m / 127.0f;
}
