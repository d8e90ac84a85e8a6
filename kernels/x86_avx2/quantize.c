#include "../kernels.h"
#include "simd.h"

/* 8 floats to int32 codes: scaled, clamped (a NaN becomes -127), rounded to nearest even. */
static inline __m256i quantize8(__m256 x, __m256 inverse) {
    __m256 v = _mm256_max_ps(_mm256_mul_ps(x, inverse), _mm256_set1_ps(-127.0f));
    v = _mm256_min_ps(v, _mm256_set1_ps(127.0f));
    return _mm256_cvtps_epi32(v);
}

/* 32 floats to 32 codes; returns their sum. The packs work on 128-bit halves, the permute restores
 * the order. */
static inline int32_t quantize32(const float *x, __m256 inverse, int8_t *codes) {
    const __m256i ab = _mm256_packs_epi32(quantize8(_mm256_loadu_ps(x), inverse),
                                          quantize8(_mm256_loadu_ps(x + 8), inverse));
    const __m256i cd = _mm256_packs_epi32(quantize8(_mm256_loadu_ps(x + 16), inverse),
                                          quantize8(_mm256_loadu_ps(x + 24), inverse));
    const __m256i packed = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(ab, cd),
                                                       _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_store_si256((__m256i *)codes, packed);
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), packed);
    const __m256i quads = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(quads), _mm256_extracti128_si256(quads, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return _mm_cvtsi128_si32(sum);
}

/* Largest |x|, at least 1e-5; NaNs are skipped because MAXPS gives its second operand. */
static inline float absolute_maximum(const float *x, int32_t n) {
    const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    __m256 m = _mm256_set1_ps(1e-5f);
    int32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        m = _mm256_max_ps(_mm256_and_ps(_mm256_loadu_ps(x + i), magnitude), m);
    }
    m = _mm256_max_ps(_mm256_and_ps(_mm256_maskload_ps(x + i, lw_mask(n - i)), magnitude), m);
    __m128 v = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));
    v = _mm_max_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_max_ss(v, _mm_movehdup_ps(v)));
}

void lw_quantize_avx2(const float *x, int32_t n, int8_t *codes, int32_t *sums, float *scale) {
    const float m = absolute_maximum(x, n);
    const __m256 inverse = _mm256_set1_ps(127.0f / m);
    int32_t i = 0;
    for (; i + LW_SUM_COLS <= n; i += LW_SUM_COLS) {
        sums[i / LW_SUM_COLS] = quantize32(x + i, inverse, codes + i);
    }
    for (const int32_t stride = lw_q8_stride(n); i < stride; i += LW_SUM_COLS) {
        float part[LW_SUM_COLS] = {0};
        if (i < n) {
            memcpy(part, x + i, (size_t)(n - i) * sizeof *x);
        }
        sums[i / LW_SUM_COLS] = quantize32(part, inverse, codes + i);
    }
    *scale = m / 127.0f;
}
