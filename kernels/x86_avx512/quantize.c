/* Absmax, then codes and their sums, 64 codes a vector. The maximum has no order, so it is taken in
 * four chains of 16 lanes.
 *
 * Nothing is clamped before the conversion: |x| <= m bounds every product by 127, up to a rounding
 * error that is far from 127.5, except for NaN and infinity times zero. Those become the least
 * integer, -128 when it is packed with saturation, and at last -127. */
#include "../kernels.h"
#include "matrix.h"

enum { VECTOR = 64, BLOCKS = 4, SUMS = VECTOR / LW_SUM_COLS };

/* 16 elements, of which those past n are zero. */
LW_INLINE __m512 load(const float *x, int32_t i, int32_t n) {
    return i + LW_LANES <= n ? _mm512_loadu_ps(x + i)
                             : _mm512_maskz_loadu_ps(lw_lanes(n - i), x + i);
}

/* Codes of 64 elements. */
LW_INLINE __m512i quantize(const float *x, int32_t i, int32_t n, __m512 inverse) {
    __m512i code[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
        code[v] = _mm512_cvtps_epi32(_mm512_mul_ps(load(x, i + v * LW_LANES, n), inverse));
    }
    const __m512i packed = _mm512_packs_epi16(_mm512_packs_epi32(code[0], code[1]),
                                              _mm512_packs_epi32(code[2], code[3]));
    /* a lane of 128 bits has four codes of each vector */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_max_epi8(_mm512_permutexvar_epi32(order, packed), _mm512_set1_epi8(-127));
}

/* The sums of every 8 dwords, in order: a transposition that adds. */
LW_INLINE __m256i sums_of(const __m512i dwords[BLOCKS]) {
    __m512i pair[2];
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        pair[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(dwords[2 * i], dwords[2 * i + 1]),
                                   _mm512_unpackhi_epi32(dwords[2 * i], dwords[2 * i + 1]));
    }
    const __m512i quad = _mm512_add_epi32(_mm512_unpacklo_epi64(pair[0], pair[1]),
                                          _mm512_unpackhi_epi64(pair[0], pair[1]));
    const __m512i all = _mm512_add_epi32(quad, _mm512_shuffle_i32x4(quad, quad, 0xb1));
    const __m512i order = _mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 0, 0, 0, 0, 0, 0, 0, 0);
    return _mm512_castsi512_si256(_mm512_permutexvar_epi32(order, all));
}

static float absmax(const float *x, int32_t n) {
    __m512 max[4];
    for (int v = 0; v < 4; v++) {
        max[v] = _mm512_set1_ps(1e-5f);
    }
    for (int32_t i = 0; i < n; i += VECTOR) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) { /* a NaN leaves the maximum as it is */
            max[v] = _mm512_max_ps(_mm512_abs_ps(load(x, i + v * LW_LANES, n)), max[v]);
        }
    }
    return _mm512_reduce_max_ps(
        _mm512_max_ps(_mm512_max_ps(max[0], max[1]), _mm512_max_ps(max[2], max[3])));
}

void lw_quantize_avx512(const float *x, int32_t n, int8_t *codes, int32_t *sums, float *scale) {
    const float m = absmax(x, n);
    const __m512 inverse = _mm512_set1_ps(127.0f / m);
    const int32_t stride = lw_q8_stride(n);
    for (int32_t i = 0; i < stride; i += BLOCKS * VECTOR) {
        const int32_t blocks = lw_min_i32((stride - i) / VECTOR, BLOCKS);
        __m512i dwords[BLOCKS];
#pragma GCC unroll 4
        for (int b = 0; b < BLOCKS; b++) {
            dwords[b] = _mm512_setzero_si512();
            if (b < blocks) {
                const __m512i block = quantize(x, i + b * VECTOR, n, inverse);
                _mm512_store_si512(codes + i + b * VECTOR, block);
                dwords[b] = _mm512_dpbusd_epi32(dwords[b], _mm512_set1_epi8(1), block);
            }
        }
        const __mmask8 written = (__mmask8)lw_lanes(blocks * SUMS);
        _mm256_mask_storeu_epi32(sums + i / LW_SUM_COLS, written, sums_of(dwords));
    }
    *scale = m / 127.0f;
}
