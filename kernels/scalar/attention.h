/* Attention with keys and values as float16, or int8 with a scale for each position (q8). Three
 * passes over one row of scores: dot products with their maximum, exponentials with their sum,
 * weighted values. */
#ifndef LW_SCALAR_ATTENTION_H
#define LW_SCALAR_ATTENTION_H

#include "real.h"

#include <math.h>
#include <stdbool.h>

static inline float lw_kv_element(const void *kv, size_t i, bool q8) {
    return q8 ? (float)((const int8_t *)kv)[i] : lw_f16_to_f32(((const uint16_t *)kv)[i]);
}

static inline float lw_dot(const float *q, const void *keys, size_t first, int32_t n, bool q8) {
    float lanes[LW_LANES] = {0};
    for (int32_t i = 0; i < n; i++) {
        lanes[i % LW_LANES] =
            lanes[i % LW_LANES] + q[i] * lw_kv_element(keys, first + (size_t)i, q8);
    }
    return lw_fold(lanes);
}

static inline void lw_attend(const lw_attention_args *a, int32_t token, bool q8) {
    const size_t dim = (size_t)a->head_dim;
    const int32_t positions = a->positions + token;
    for (int32_t query = 0; query < a->queries; query++) {
        const float *q = a->q + (size_t)token * a->q_stride + (size_t)query * dim;
        float *out = a->out + (size_t)token * a->out_stride + (size_t)query * dim;
        float *scores = a->scores + (size_t)query * (size_t)a->scores_stride;

        float m = -INFINITY;
        for (int32_t p = 0; p < positions; p++) {
            scores[p] = lw_dot(q, a->k, (size_t)p * dim, a->head_dim, q8) * a->scale;
            scores[p] = q8 ? scores[p] * a->k_scales[p] : scores[p];
            m = lw_max(scores[p], m);
        }
        float lanes[LW_LANES] = {0};
        for (int32_t p = 0; p < positions; p++) {
            scores[p] = lw_exp(scores[p] - m);
            lanes[p % LW_LANES] = lanes[p % LW_LANES] + scores[p];
            scores[p] = q8 ? scores[p] * a->v_scales[p] : scores[p];
        }
        const float inverse = 1.0f / lw_fold(lanes);
        for (size_t d = 0; d < dim; d++) {
            out[d] = 0.0f;
        }
        for (int32_t p = 0; p < positions; p++) {
            for (size_t d = 0; d < dim; d++) {
                out[d] = out[d] + scores[p] * lw_kv_element(a->v, (size_t)p * dim + d, q8);
            }
        }
        for (size_t d = 0; d < dim; d++) {
            out[d] = out[d] * inverse;
        }
    }
}

#endif
