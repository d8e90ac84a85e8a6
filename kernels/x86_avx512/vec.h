/* Float building blocks of runtime/FORMAT.md, "Numerics", for 16 lanes: one zmm register holds the
 * virtual lanes of a fold. */
#ifndef LW_AVX512_VEC_H
#define LW_AVX512_VEC_H

#include "../exp.h"
#include "../kernel.h"

#include <immintrin.h>

/* The first n of 16 lanes; all from n = 16 on, none up to n = 0. */
LW_INLINE __mmask16 lw_lanes(int32_t n) {
    const int32_t below = n < 0 ? 0 : n < LW_LANES ? n : LW_LANES;
    return (__mmask16)((1u << below) - 1u);
}

/* Lane j adds lane j + 8, then j + 4, j + 2, j + 1. */
LW_INLINE float lw_fold(__m512 lanes) {
    const __m256 v8 =
        _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
    const __m128 v4 = _mm_add_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
    const __m128 v2 = _mm_add_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_add_ss(v2, _mm_movehdup_ps(v2)));
}

LW_INLINE __m512 lw_exp(__m512 x) {
    static const float c[] = {LW_EXP_C0, LW_EXP_C1, LW_EXP_C2, LW_EXP_C3,
                              LW_EXP_C4, LW_EXP_C5, LW_EXP_C6};
    x = _mm512_max_ps(x, _mm512_set1_ps(LW_EXP_MIN)); /* a NaN becomes the second operand */
    x = _mm512_min_ps(x, _mm512_set1_ps(LW_EXP_MAX));
    const __m512i n = _mm512_cvtps_epi32(_mm512_mul_ps(x, _mm512_set1_ps(LW_EXP_LOG2E)));
    const __m512 nf = _mm512_cvtepi32_ps(n);
    __m512 r = _mm512_sub_ps(x, _mm512_mul_ps(nf, _mm512_set1_ps(LW_EXP_LN2_HI)));
    r = _mm512_sub_ps(r, _mm512_mul_ps(nf, _mm512_set1_ps(LW_EXP_LN2_LO)));
    __m512 p = _mm512_set1_ps(c[6]);
    for (int i = 5; i >= 0; i--) {
        p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(c[i]));
    }
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(n, 23)));
}

#endif
