/* Attention of the query heads that share one key/value head, four queries at a time so that each
 * key and value, float16 or int8 (q8), is converted once for the four.
 *
 * Scores: per position a fold in two registers a query. Values: an accumulator holds 8 dimensions
 * of one query and adds the positions in ascending order, so that every dimension has the order of
 * runtime/FORMAT.md. */
#ifndef LW_AVX2_ATTENTION_H
#define LW_AVX2_ATTENTION_H

#include "attention_cache.h"

#include <math.h>

enum {
    MAX_QUERIES = 4,
    STEP_VALUES = 32, /* of one token: the order in which values lie in memory */
};

/* scores[q][p] = fold(q * k_p) * scale, times the key's scale (q8), for `queries` (a constant). */
LW_INLINE void score(int queries, const lw_attention_args *a, const float *q, float *scores,
                     const bool q8) {
    const size_t dim = (size_t)a->head_dim;
    const size_t row_bytes = dim * element_bytes(q8);
    for (int32_t p = 0; p < a->positions; p++) {
        const size_t k = (size_t)p * dim;
        for (size_t line = 0; a->tokens == 1 && line < row_bytes; line += CACHE_LINE) {
            fetch_ahead(a->k, (size_t)p * row_bytes + line, (size_t)a->positions * row_bytes, a->v);
        }
        lw_lanes acc[MAX_QUERIES];
        for (int i = 0; i < queries; i++) {
            acc[i] = lw_lanes_zero();
        }
        int32_t d = 0;
        for (; d + LW_LANES <= a->head_dim; d += LW_LANES) {
            const size_t at = k + (size_t)d;
            const lw_lanes key = {load8(a->k, at, q8), load8(a->k, at + 8, q8)};
            for (int i = 0; i < queries; i++) {
                acc[i] = lw_lanes_mul_add(acc[i], lw_load(q + (size_t)i * dim + d), key);
            }
        }
        if (d < a->head_dim) {
            const int32_t rest = a->head_dim - d;
            const lw_lanes key = load16_part(a->k, k + (size_t)d, rest, q8);
            for (int i = 0; i < queries; i++) {
                acc[i] = lw_lanes_mul_add(acc[i], lw_load_part(q + (size_t)i * dim + d, rest), key);
            }
        }
        for (int i = 0; i < queries; i++) {
            const float s = lw_fold(acc[i]) * a->scale;
            scores[(size_t)i * (size_t)a->scores_stride + (size_t)p] = q8 ? s * a->k_scales[p] : s;
        }
    }
}

/* Scores to exponentials in place, times the scales of values (q8); returns 1 / the fold of
 * exponentials. NaN scores do not count for the maximum. */
LW_INLINE float exponentials(const lw_attention_args *a, float *scores, const bool q8) {
    const int32_t positions = a->positions;
    __m256 m8 = _mm256_set1_ps(-INFINITY);
    int32_t p = 0;
    for (; p + 8 <= positions; p += 8) {
        m8 = _mm256_max_ps(_mm256_loadu_ps(scores + p), m8);
    }
    const __m256 part = _mm256_blendv_ps(m8, _mm256_maskload_ps(scores + p, lw_mask(positions - p)),
                                         _mm256_castsi256_ps(lw_mask(positions - p)));
    m8 = _mm256_max_ps(part, m8);
    __m128 m4 = _mm_max_ps(_mm256_castps256_ps128(m8), _mm256_extractf128_ps(m8, 1));
    m4 = _mm_max_ps(m4, _mm_movehl_ps(m4, m4));
    const __m256 m = _mm256_broadcastss_ps(_mm_max_ss(m4, _mm_movehdup_ps(m4)));

    lw_lanes sum = lw_lanes_zero();
    for (p = 0; p < positions; p += LW_LANES) {
        const __m256i mask_lo = lw_mask(positions - p);
        const __m256i mask_hi = lw_mask(positions - p - 8);
        const lw_lanes s = lw_load_part(scores + p, positions - p < 16 ? positions - p : 16);
        lw_lanes e = {lw_exp(_mm256_sub_ps(s.lo, m)), lw_exp(_mm256_sub_ps(s.hi, m))};
        e.lo = _mm256_and_ps(e.lo, _mm256_castsi256_ps(mask_lo));
        e.hi = _mm256_and_ps(e.hi, _mm256_castsi256_ps(mask_hi));
        sum.lo = _mm256_add_ps(sum.lo, e.lo);
        sum.hi = _mm256_add_ps(sum.hi, e.hi);
        if (q8) {
            const lw_lanes scales =
                lw_load_part(a->v_scales + p, positions - p < 16 ? positions - p : 16);
            e = (lw_lanes){_mm256_mul_ps(e.lo, scales.lo), _mm256_mul_ps(e.hi, scales.hi)};
        }
        _mm256_maskstore_ps(scores + p, mask_lo, e.lo);
        if (positions - p > 8) {
            _mm256_maskstore_ps(scores + p + 8, mask_hi, e.hi);
        }
    }
    return 1.0f / lw_fold(sum);
}

/* Positions [p, p + step), as far as there are, of dimensions [d, d + 8 * vectors) of out,
 * or fewer when head_dim ends before; both constants bound the registers. */
LW_INLINE void weigh(int queries, int vectors, const lw_attention_args *a, const float *weights,
                     const float *inverse, const void *next, float *out, int32_t p, int32_t step,
                     int32_t d, const bool q8) {
    const size_t dim = (size_t)a->head_dim;
    const size_t bytes = (size_t)a->positions * dim * element_bytes(q8);
    const int32_t rest = a->head_dim - d;
    const bool first = p == 0, last = p + step >= a->positions;
    const int32_t end = last ? a->positions : p + step;
    const bool fetches = a->tokens == 1 && (size_t)d * element_bytes(q8) % CACHE_LINE == 0;
    __m256 acc[MAX_QUERIES][4];
    for (int i = 0; i < queries; i++) {
        for (int j = 0; j < vectors; j++) {
            const float *sum = out + (size_t)i * dim + (size_t)(d + 8 * j);
            acc[i][j] =
                first ? _mm256_setzero_ps() : _mm256_maskload_ps(sum, lw_mask(rest - 8 * j));
        }
    }
    for (; p < end; p++) {
        const size_t v = (size_t)p * dim + (size_t)d;
        const size_t at = v * element_bytes(q8);
        if (fetches) {
            fetch_ahead(a->v, at, bytes, next);
        }
        __m256 value[4];
        if (vectors > 1 || rest >= 8) { /* with several vectors there is no rest */
            for (int j = 0; j < vectors; j++) {
                value[j] = load8(a->v, v + (size_t)(8 * j), q8);
            }
        } else {
            value[0] = load16_part(a->v, v, rest, q8).lo;
        }
        for (int i = 0; i < queries; i++) {
            const __m256 e =
                _mm256_set1_ps(weights[(size_t)i * (size_t)a->scores_stride + (size_t)p]);
            for (int j = 0; j < vectors; j++) {
                acc[i][j] = _mm256_add_ps(acc[i][j], _mm256_mul_ps(e, value[j]));
            }
        }
    }
    for (int i = 0; i < queries; i++) {
        for (int j = 0; j < vectors; j++) {
            const __m256 sum =
                last ? _mm256_mul_ps(acc[i][j], _mm256_set1_ps(inverse[i])) : acc[i][j];
            _mm256_maskstore_ps(out + (size_t)i * dim + (size_t)(d + 8 * j), lw_mask(rest - 8 * j),
                                sum);
        }
    }
}

LW_INLINE void attend(int queries, int vectors, const lw_attention_args *a, int32_t first,
                      const bool q8) {
    const size_t dim = (size_t)a->head_dim;
    float *scores = a->scores + (size_t)first * (size_t)a->scores_stride;
    float *out = a->out + (size_t)first * dim;
    const void *next = a->next && first + queries == a->queries ? a->next : a->k;
    float inverse[MAX_QUERIES];
    score(queries, a, a->q + (size_t)first * dim, scores, q8);
    for (int i = 0; i < queries; i++) {
        inverse[i] = exponentials(a, scores + (size_t)i * (size_t)a->scores_stride, q8);
    }
    /* several tokens find values in the second-level cache */
    const int32_t step = a->tokens > 1 ? a->positions : STEP_VALUES;
    for (int32_t p = 0; p < a->positions; p += step) {
        int32_t d = 0;
        for (; d + 8 * vectors <= a->head_dim; d += 8 * vectors) {
            weigh(queries, vectors, a, scores, inverse, next, out, p, step, d, q8);
        }
        for (; d < a->head_dim; d += 8) {
            weigh(queries, 1, a, scores, inverse, next, out, p, step, d, q8);
        }
    }
}

/* All queries of one token. */
LW_INLINE void attend_token(const lw_attention_args *a, const bool q8) {
    int32_t query = 0;
    for (; query + MAX_QUERIES <= a->queries; query += MAX_QUERIES) {
        attend(MAX_QUERIES, 2, a, query, q8);
    }
    for (; query < a->queries; query++) {
        attend(1, 4, a, query, q8);
    }
}

LW_INLINE void attend_all(const lw_attention_args *args, const bool q8) {
    lw_attention_args token = *args;
    for (int32_t t = 0; t < args->tokens; t++, token.positions++) {
        attend_token(&token, q8);
        token.q += token.q_stride;
        token.out += token.out_stride;
    }
}

#endif
