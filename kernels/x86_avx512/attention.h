/* The steps of attention that follow the scores (attention_dots.h, attention_tile.h), for `heads`
 * query heads of one token and some values.
 *
 *   softmax  16 positions a register: its lanes are those of the fold
 *   output   `heads` x 4 registers, 64 elements of each head; positions are added in order
 */
#ifndef LW_AVX512_ATTENTION_H
#define LW_AVX512_ATTENTION_H

#include "vec.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    MAX_HEADS = 4,
    OUT_VECTORS = 4,
    OUT_DIMS = OUT_VECTORS * LW_LANES,
    ALL_LANES = 0xffff,
    CACHE_LINE = 64,
    /* Bytes from what is read to what is fetched into the second-level cache meanwhile: arithmetic
     * and memory take about the same time for one token, and overlap only so (8 KB measured best of
     * 4 to 32, and the first-level cache much worse). */
    AHEAD = 8192,
};

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

LW_INLINE size_t element_bytes(const kv_form form) {
    return form == KV_TILE ? sizeof(float) : form == KV_Q8 ? sizeof(int8_t) : sizeof(uint16_t);
}

/* `count` rows from element `at` on. */
LW_INLINE kv_rows rows_at(const void *first, size_t at, size_t stride, int32_t count,
                          const kv_form form) {
    return (kv_rows){(const uint8_t *)first + at * element_bytes(form), stride, count};
}

/* Where to fetch while a stream of `bytes` bytes, behind which `next` is read, is read at `at`. */
LW_INLINE const uint8_t *ahead_of(const void *first, size_t at, size_t bytes, const void *next) {
    const size_t then = at + (AHEAD < bytes ? AHEAD : bytes);
    return then < bytes ? (const uint8_t *)first + then : (const uint8_t *)next + (then - bytes);
}

LW_INLINE void fetch(const uint8_t *line) {
    _mm_prefetch((const char *)line, _MM_HINT_T1);
}

/* 16 scores, times the scales of keys (q8); those that m leaves out do not count. */
LW_INLINE __m512 greater(const lw_attention_args *a, __m512 max, float *scores, int32_t p,
                         const __mmask16 m, const bool q8) {
    __m512 s = _mm512_loadu_ps(scores + p);
    if (q8) {
        s = _mm512_mul_ps(s, _mm512_maskz_loadu_ps(m, a->k_scales + p));
        _mm512_storeu_ps(scores + p, s);
    }
    return _mm512_mask_max_ps(max, m, s, max);
}

/* 16 scores to exponentials, times the scales of values (q8), and their sum. */
LW_INLINE __m512 exponentials(const lw_attention_args *a, __m512 sum, __m512 top, float *scores,
                              int32_t p, const __mmask16 m, const bool q8) {
    const __m512 s = _mm512_loadu_ps(scores + p);
    const __m512 e = _mm512_maskz_mov_ps(m, lw_exp(_mm512_sub_ps(s, top)));
    _mm512_storeu_ps(scores + p,
                     q8 ? _mm512_mul_ps(e, _mm512_maskz_loadu_ps(m, a->v_scales + p)) : e);
    return _mm512_add_ps(sum, e);
}

/* Scores of `heads` heads to exponentials, times the scales of values (q8); inverse[h] = 1 / the
 * sum of exponentials. Heads go side by side because one has too little to do at a time. */
LW_INLINE void softmax(const lw_attention_args *a, float *scores, int32_t positions, float *inverse,
                       const int heads, const bool q8) {
    const int32_t whole = positions / LW_LANES * LW_LANES;
    const __mmask16 rest = lw_lanes(positions - whole);
    float *of[MAX_HEADS];
    __m512 max[MAX_HEADS], sum[MAX_HEADS];
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
        of[h] = scores + (size_t)h * (size_t)a->scores_stride;
        max[h] = _mm512_set1_ps(-INFINITY);
        sum[h] = _mm512_setzero_ps();
    }
    for (int32_t p = 0; p < whole; p += LW_LANES) {
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) {
            max[h] = greater(a, max[h], of[h], p, ALL_LANES, q8);
        }
    }
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
        if (rest != 0) {
            max[h] = greater(a, max[h], of[h], whole, rest, q8);
        }
        max[h] = _mm512_set1_ps(_mm512_reduce_max_ps(max[h]));
    }
    for (int32_t p = 0; p < whole; p += LW_LANES) {
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) {
            sum[h] = exponentials(a, sum[h], max[h], of[h], p, ALL_LANES, q8);
        }
    }
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
        if (rest != 0) {
            sum[h] = exponentials(a, sum[h], max[h], of[h], whole, rest, q8);
        }
        inverse[h] = 1.0f / lw_fold(sum[h]);
    }
}

/* A step of out_h = (sum of scores[h][p] * v_p) * inverse[h], for OUT_DIMS elements of each head,
 * or for `dims` if that is a constant below: adds `values`, of which the `first` start the sum and
 * the `last` end it. Meanwhile fetches as many rows from `ahead` on, unless values are in a tile.
 */
LW_INLINE void output(const lw_attention_args *a, const kv_rows *values, const float *scores,
                      const float *inverse, const uint8_t *ahead, float *out, int32_t dims,
                      bool first, bool last, const int heads, const kv_form form) {
    const size_t dim = (size_t)a->head_dim;
    const size_t row_bytes = values->stride * element_bytes(form);
    const int vector_bytes = LW_LANES * (int)element_bytes(form);
    const float *weights[MAX_HEADS];
    __mmask16 m[OUT_VECTORS];
    __m512 acc[MAX_HEADS][OUT_VECTORS];
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
        weights[h] = scores + (size_t)h * (size_t)a->scores_stride;
    }
#pragma GCC unroll 4
    for (int i = 0; i < OUT_VECTORS; i++) {
        m[i] = lw_lanes(dims - i * LW_LANES);
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) {
            acc[h][i] =
                _mm512_maskz_loadu_ps(first ? 0 : m[i], out + (size_t)h * dim + i * LW_LANES);
        }
    }
    const int32_t count = values->count;
    kv_rows row = *values;
    for (int32_t p = 0; p < count; p++) {
#pragma GCC unroll 4
        for (int i = 0; i < OUT_VECTORS; i++) {
            const __m512 vd = load(&row, 0, i * LW_LANES, m[i], form);
            if (form != KV_TILE && i * vector_bytes % CACHE_LINE == 0) {
                fetch(ahead + i * vector_bytes);
            }
#pragma GCC unroll 4
            for (int h = 0; h < heads; h++) {
                const __m512 e = _mm512_set1_ps(weights[h][p]);
                acc[h][i] = _mm512_add_ps(acc[h][i], _mm512_mul_ps(e, vd));
            }
            /* gcc would move products of several groups of 4 ahead of their sums, which then queue
             * up at their ports, and broadcast weights to registers, where products do it for
             * nothing: 15% slower on Zen 4 */
            __asm__ volatile("" ::: "memory");
        }
        row.first = (const uint8_t *)row.first + row_bytes;
        ahead += row_bytes;
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
