/* The three steps of attention, for `heads` query heads of one token and some keys or values.
 *
 *   dots     16 registers of fold lanes: `heads` x (16 / heads) keys; the 16 folds then run as one
 *            transposing tree, whose levels are those of the fold (several tokens:
 *            attention_tile.h)
 *   softmax  16 positions a register: its lanes are those of the fold
 *   output   `heads` x 4 registers, 64 elements of each head; positions are added in order
 */
#ifndef LW_AVX512_ATTENTION_H
#define LW_AVX512_ATTENTION_H

#include "vec.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_HEADS = 4, OUT_VECTORS = 4, OUT_DIMS = OUT_VECTORS * LW_LANES, ALL_LANES = 0xffff };

/* Keys and values: in the cache of the model, as float16 or int8, or converted in a tile. */
typedef enum { KV_F16, KV_Q8, KV_TILE } kv_form;

/* Consecutive ones. */
typedef struct {
    const void *first;
    size_t stride; /* elements */
    int32_t count;
} kv_rows;

/* Elements [i, i + 16) of a row; those that m leaves out are zero, in a tile too. */
LW_INLINE __m512 load(const kv_rows *rows, int32_t row, int32_t i, const __mmask16 m,
                      const kv_form form) {
    const size_t at = (size_t)row * rows->stride + (size_t)i;
    if (form == KV_TILE) {
        return _mm512_load_ps((const float *)rows->first + at);
    }
    if (form == KV_Q8) {
        const __m128i codes = _mm_maskz_loadu_epi8(m, (const int8_t *)rows->first + at);
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes));
    }
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, (const uint16_t *)rows->first + at));
}

/* `count` rows from element `at` on. */
LW_INLINE kv_rows rows_at(const void *first, size_t at, size_t stride, int32_t count,
                          const kv_form form) {
    const size_t bytes = form == KV_TILE ? sizeof(float)
                         : form == KV_Q8 ? sizeof(int8_t)
                                         : sizeof(uint16_t);
    return (kv_rows){(const uint8_t *)first + at * bytes, stride, count};
}

/* Lane j + lane j + 8 of a, then of b. */
LW_INLINE __m512 fold8(__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
}

/* The folds of 16 registers, in order. */
LW_INLINE __m512 fold16(const __m512 v[LW_LANES]) {
    __m512 four[4]; /* of v[i], v[i + 4], v[i + 8], v[i + 12], 4 lanes each, j + 4 added */
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m512 a = fold8(v[i], v[i + 4]);
        const __m512 b = fold8(v[i + 8], v[i + 12]);
        four[i] = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    }
    __m512 two[2];
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        const __m512 a = four[2 * i];
        const __m512 b = four[2 * i + 1];
        two[i] = _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
    }
    return _mm512_add_ps(_mm512_shuffle_ps(two[0], two[1], 0x88),
                         _mm512_shuffle_ps(two[0], two[1], 0xdd));
}

/* acc[h][i] += elements [d, d + 16), as far as m has them, of q_h times those of key k[i]. */
LW_INLINE void add_products(__m512 acc[LW_LANES], const lw_attention_args *a, const kv_rows *keys,
                            const int32_t *k, const float *q, int32_t d, const __mmask16 m,
                            const int heads, const kv_form form) {
    const int block_keys = LW_LANES / heads;
    __m512 qd[MAX_HEADS];
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
        qd[h] = _mm512_maskz_loadu_ps(m, q + (size_t)h * (size_t)a->head_dim + d);
    }
#pragma GCC unroll 16
    for (int i = 0; i < block_keys; i++) {
        const __m512 kd = load(keys, k[i], d, m, form);
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) {
            acc[h * block_keys + i] =
                _mm512_add_ps(acc[h * block_keys + i], _mm512_mul_ps(qd[h], kd));
        }
    }
}

/* scores[h][p] = fold(q_h * k_p) * scale, for all keys up to a multiple of 16 / heads. */
LW_INLINE void dots(const lw_attention_args *a, const kv_rows *keys, const float *q, float *scores,
                    const int heads, const kv_form form) {
    const int block_keys = LW_LANES / heads;
    const int32_t whole = a->head_dim / LW_LANES * LW_LANES;
    for (int32_t p = 0; p < keys->count; p += block_keys) {
        int32_t k[LW_LANES];
        __m512 acc[LW_LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LW_LANES; i++) {
            acc[i] = _mm512_setzero_ps();
        }
        for (int i = 0; i < block_keys; i++) { /* past the end: the last key again */
            k[i] = p + i < keys->count ? p + i : keys->count - 1;
        }
        for (int32_t d = 0; d < whole; d += LW_LANES) {
            add_products(acc, a, keys, k, q, d, ALL_LANES, heads, form);
        }
        if (whole < a->head_dim) {
            add_products(acc, a, keys, k, q, whole, lw_lanes(a->head_dim - whole), heads, form);
        }
        float block[LW_LANES];
        _mm512_storeu_ps(block, _mm512_mul_ps(fold16(acc), _mm512_set1_ps(a->scale)));
        for (int h = 0; h < heads; h++) {
            memcpy(scores + (size_t)h * (size_t)a->scores_stride + p, block + h * block_keys,
                   (size_t)block_keys * sizeof *block);
        }
    }
}

/* Scores to exponentials, times the scales of values (q8); returns 1 / the sum of exponentials. */
LW_INLINE float softmax(const lw_attention_args *a, float *scores, int32_t positions,
                        const bool q8) {
    __m512 max = _mm512_set1_ps(-INFINITY);
    for (int32_t p = 0; p < positions; p += LW_LANES) {
        const __mmask16 m = lw_lanes(positions - p);
        __m512 s = _mm512_loadu_ps(scores + p);
        if (q8) {
            s = _mm512_mul_ps(s, _mm512_maskz_loadu_ps(m, a->k_scales + p));
            _mm512_storeu_ps(scores + p, s);
        }
        max = _mm512_mask_max_ps(max, m, s, max);
    }
    const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(max));
    __m512 sum = _mm512_setzero_ps();
    for (int32_t p = 0; p < positions; p += LW_LANES) {
        const __mmask16 m = lw_lanes(positions - p);
        const __m512 s = _mm512_loadu_ps(scores + p);
        const __m512 e = _mm512_maskz_mov_ps(m, lw_exp(_mm512_sub_ps(s, top)));
        sum = _mm512_add_ps(sum, e);
        _mm512_storeu_ps(scores + p,
                         q8 ? _mm512_mul_ps(e, _mm512_maskz_loadu_ps(m, a->v_scales + p)) : e);
    }
    return 1.0f / lw_fold(sum);
}

/* A step of out_h = (sum of scores[h][p] * v_p) * inverse[h], for OUT_DIMS elements of each head,
 * or for `dims` if that is a constant below: adds `values`, of which the `first` start the sum and
 * the `last` end it. */
LW_INLINE void output(const lw_attention_args *a, const kv_rows *values, const float *scores,
                      const float *inverse, float *out, int32_t dims, bool first, bool last,
                      const int heads, const kv_form form) {
    const size_t dim = (size_t)a->head_dim;
    __mmask16 m[OUT_VECTORS];
    __m512 acc[MAX_HEADS][OUT_VECTORS];
#pragma GCC unroll 4
    for (int i = 0; i < OUT_VECTORS; i++) {
        m[i] = lw_lanes(dims - i * LW_LANES);
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) {
            acc[h][i] =
                _mm512_maskz_loadu_ps(first ? 0 : m[i], out + (size_t)h * dim + i * LW_LANES);
        }
    }
    for (int32_t p = 0; p < values->count; p++) {
#pragma GCC unroll 4
        for (int i = 0; i < OUT_VECTORS; i++) {
            const __m512 vd = load(values, p, i * LW_LANES, m[i], form);
#pragma GCC unroll 4
            for (int h = 0; h < heads; h++) {
                const __m512 e = _mm512_set1_ps(scores[h * a->scores_stride + p]);
                acc[h][i] = _mm512_add_ps(acc[h][i], _mm512_mul_ps(e, vd));
            }
            /* gcc would move products of several groups of 4 ahead of their sums, which then queue
             * up at their ports: 15% slower on Zen 4 */
            __asm__ volatile("" ::: "memory");
        }
    }
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
#pragma GCC unroll 4
        for (int i = 0; i < OUT_VECTORS; i++) {
            const __m512 o =
                last ? _mm512_mul_ps(acc[h][i], _mm512_set1_ps(inverse[h])) : acc[h][i];
            _mm512_mask_storeu_ps(out + (size_t)h * dim + i * LW_LANES, m[i], o);
        }
    }
}

#endif
