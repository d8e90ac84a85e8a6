/* Attention of the query heads that share one key/value head, four queries at a time so that each
 * key and value, float16 or int8 (q8), is converted once for the four.
 *
 * Scores: per position a fold in four registers a query. Values: an accumulator holds 16 dimensions
 * of one query and adds the positions in ascending order, so that every dimension has the order of
 * runtime/FORMAT.md. */
#ifndef LW_NEON_ATTENTION_H
#define LW_NEON_ATTENTION_H

#include "simd.h"

#include <math.h>
#include <stdbool.h>

enum { MAX_QUERIES = 4 };

/* 16 keys or values from element `at` of the cache on, of which the first `count` are read and the
 * others are zero. */
LW_INLINE lw_lanes load16(const void *cache, size_t at, int32_t count, const bool q8) {
    const size_t bytes = q8 ? sizeof(int8_t) : sizeof(uint16_t);
    const void *from = (const uint8_t *)cache + at * bytes;
    uint16_t part[LW_LANES];
    if (count < LW_LANES) {
        memset(part, 0, sizeof part);
        memcpy(part, from, (size_t)count * bytes);
        from = part;
    }
    return q8 ? lw_load_s8(from) : lw_load_f16(from);
}

LW_INLINE lw_lanes load_queries(const float *q, int32_t count) {
    return count < LW_LANES ? lw_load_part(q, count) : lw_load(q);
}

/* scores[q][p] = fold(q * k_p) * scale, times the key's scale (q8), for `queries` (a constant). */
LW_INLINE void score(const int queries, const lw_attention_args *a, const float *q, float *scores,
                     const bool q8) {
    const size_t dim = (size_t)a->head_dim;
    for (int32_t p = 0; p < a->positions; p++) {
        const size_t k = (size_t)p * dim;
        lw_lanes acc[MAX_QUERIES];
        for (int i = 0; i < queries; i++) {
            acc[i] = lw_lanes_zero();
        }
        for (int32_t d = 0; d < a->head_dim; d += LW_LANES) {
            const int32_t rest = a->head_dim - d;
            const lw_lanes key = load16(a->k, k + (size_t)d, rest, q8);
            for (int i = 0; i < queries; i++) {
                const lw_lanes query = load_queries(q + (size_t)i * dim + d, rest);
                acc[i] = lw_lanes_mul_add(acc[i], query, key);
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
    float32x4_t m4 = vdupq_n_f32(-INFINITY);
    int32_t p = 0;
    for (; p + 4 <= positions; p += 4) {
        m4 = lw_max(vld1q_f32(scores + p), m4);
    }
    for (; p < positions; p++) {
        m4 = lw_max(vdupq_n_f32(scores[p]), m4);
    }
    const float32x4_t m = vdupq_n_f32(lw_greatest(m4));

    lw_lanes sum = lw_lanes_zero();
    for (p = 0; p < positions; p += LW_LANES) {
        const int32_t count = positions - p < LW_LANES ? positions - p : LW_LANES;
        lw_lanes e = lw_load_part(scores + p, count);
        for (int i = 0; i < LW_QUADS; i++) {
            e.v[i] = lw_exp(vsubq_f32(e.v[i], m));
        }
        lw_store_part(scores + p, e, count);
        e = lw_load_part(scores + p, count);
        for (int i = 0; i < LW_QUADS; i++) {
            sum.v[i] = vaddq_f32(sum.v[i], e.v[i]);
        }
        if (q8) {
            const lw_lanes scales = lw_load_part(a->v_scales + p, count);
            for (int i = 0; i < LW_QUADS; i++) {
                e.v[i] = vmulq_f32(e.v[i], scales.v[i]);
            }
            lw_store_part(scores + p, e, count);
        }
    }
    return 1.0f / lw_fold(sum);
}

/* Dimensions [d, d + 16) of out, or fewer when head_dim ends before. */
LW_INLINE void weigh(const int queries, const lw_attention_args *a, const float *weights,
                     const float *inverse, float *out, int32_t d, const bool q8) {
    const size_t dim = (size_t)a->head_dim;
    const int32_t rest = a->head_dim - d;
    lw_lanes acc[MAX_QUERIES];
    for (int i = 0; i < queries; i++) {
        acc[i] = lw_lanes_zero();
    }
    for (int32_t p = 0; p < a->positions; p++) {
        const lw_lanes value = load16(a->v, (size_t)p * dim + (size_t)d, rest, q8);
        for (int i = 0; i < queries; i++) {
            acc[i] = lw_lanes_mul_add_n(acc[i], value,
                                        weights[(size_t)i * (size_t)a->scores_stride + (size_t)p]);
        }
    }
    for (int i = 0; i < queries; i++) {
        for (int j = 0; j < LW_QUADS; j++) {
            acc[i].v[j] = vmulq_n_f32(acc[i].v[j], inverse[i]);
        }
        lw_store_part(out + (size_t)i * dim + (size_t)d, acc[i], rest < LW_LANES ? rest : LW_LANES);
    }
}

LW_INLINE void attend(const int queries, const lw_attention_args *a, int32_t first, const bool q8) {
    const size_t dim = (size_t)a->head_dim;
    float *scores = a->scores + (size_t)first * (size_t)a->scores_stride;
    float *out = a->out + (size_t)first * dim;
    float inverse[MAX_QUERIES];
    score(queries, a, a->q + (size_t)first * dim, scores, q8);
    for (int i = 0; i < queries; i++) {
        inverse[i] = exponentials(a, scores + (size_t)i * (size_t)a->scores_stride, q8);
    }
    for (int32_t d = 0; d < a->head_dim; d += LW_LANES) {
        weigh(queries, a, scores, inverse, out, d, q8);
    }
}

LW_INLINE void attend_all(const lw_attention_args *args, const bool q8) {
    lw_attention_args token = *args;
    for (int32_t t = 0; t < args->tokens; t++, token.positions++) {
        int32_t query = 0;
        for (; query + MAX_QUERIES <= token.queries; query += MAX_QUERIES) {
            attend(MAX_QUERIES, &token, query, q8);
        }
        for (; query < token.queries; query++) {
            attend(1, &token, query, q8);
        }
        token.q += token.q_stride;
        token.out += token.out_stride;
    }
}

#endif
