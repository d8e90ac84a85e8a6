/* Float building blocks of AVX2: the 16 virtual lanes of a fold are two registers, lanes 0-7 (lo)
 * and 8-15 (hi). */
#ifndef LW_AVX2_SIMD_H
#define LW_AVX2_SIMD_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "../exp.h"
#include "../kernel.h"

typedef struct {
    __m256 lo;
    __m256 hi;
} lw_lanes;

static inline lw_lanes lw_lanes_zero(void) {
    return (lw_lanes){_mm256_setzero_ps(), _mm256_setzero_ps()};
}

/* lanes + a * b, product and sum rounded separately. */
static inline lw_lanes lw_lanes_mul_add(lw_lanes lanes, lw_lanes a, lw_lanes b) {
    return (lw_lanes){_mm256_add_ps(lanes.lo, _mm256_mul_ps(a.lo, b.lo)),
                      _mm256_add_ps(lanes.hi, _mm256_mul_ps(a.hi, b.hi))};
}

/* Lane j adds lane j + 8, then j + 4, j + 2, j + 1 (runtime/FORMAT.md, "Numerics"). */
static inline float lw_fold(lw_lanes lanes) {
    const __m256 by8 = _mm256_add_ps(lanes.lo, lanes.hi);
    const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
    const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
    return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}

/* All ones in the first `count` of 8 lanes; count may lie outside 0..8. */
static inline __m256i lw_mask(int32_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* 16 floats. */
static inline lw_lanes lw_load(const float *p) {
    return (lw_lanes){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

/* The first `count` (0..16) of 16 floats, then zeros; reads nothing beyond them. Adding a zero
 * product to a lane of a fold does not change it, because a lane that starts at +0 never becomes
 * -0. */
static inline lw_lanes lw_load_part(const float *p, int32_t count) {
    lw_lanes lanes = {_mm256_maskload_ps(p, lw_mask(count)), _mm256_setzero_ps()};
    if (count > 8) {
        lanes.hi = _mm256_maskload_ps(p + 8, lw_mask(count - 8));
    }
    return lanes;
}

/* The same for float16. */
static inline lw_lanes lw_load_f16(const uint16_t *p) {
    return (lw_lanes){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                      _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}

static inline lw_lanes lw_load_f16_part(const uint16_t *p, int32_t count) {
    uint16_t part[LW_LANES] = {0};
    memcpy(part, p, (size_t)count * sizeof *p);
    return lw_load_f16(part);
}

/* exp(x) of runtime/FORMAT.md. MAXPS and MINPS are `a > b ? a : b` and `a < b ? a : b`, NaN
 * included. */
static inline __m256 lw_exp(__m256 x) {
    x = _mm256_max_ps(x, _mm256_set1_ps(LW_EXP_MIN));
    x = _mm256_min_ps(x, _mm256_set1_ps(LW_EXP_MAX));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(LW_EXP_LOG2E)),
                                     _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_sub_ps(x, _mm256_mul_ps(n, _mm256_set1_ps(LW_EXP_LN2_HI)));
    r = _mm256_sub_ps(r, _mm256_mul_ps(n, _mm256_set1_ps(LW_EXP_LN2_LO)));
    __m256 p = _mm256_set1_ps(LW_EXP_C6);
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(LW_EXP_C5));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(LW_EXP_C4));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(LW_EXP_C3));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(LW_EXP_C2));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(LW_EXP_C1));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(LW_EXP_C0));
    const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

#endif
