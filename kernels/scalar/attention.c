/* Three passes over one row of scores: dot products with their maximum, exponentials with their
 * sum, weighted values. */
#include "../kernels.h"
#include "real.h"

#include <math.h>

static float dot(const float *q, const uint16_t *k, int32_t n) {
    float lanes[LW_LANES] = {0};
    for (int32_t i = 0; i < n; i++) {
        lanes[i % LW_LANES] = lanes[i % LW_LANES] + q[i] * lw_f16_to_f32(k[i]);
    }
    return lw_fold(lanes);
}

static void attend(const lw_attention_args *a, int32_t token) {
    const size_t dim = (size_t)a->head_dim;
    const int32_t positions = a->positions + token;
    for (int32_t query = 0; query < a->queries; query++) {
        const float *q = a->q + (size_t)token * a->q_stride + (size_t)query * dim;
        float *out = a->out + (size_t)token * a->out_stride + (size_t)query * dim;
        float *scores = a->scores + (size_t)query * (size_t)a->scores_stride;

        float m = -INFINITY;
        for (int32_t p = 0; p < positions; p++) {
            scores[p] = dot(q, a->k + (size_t)p * dim, a->head_dim) * a->scale;
            m = lw_max(scores[p], m);
        }
        float lanes[LW_LANES] = {0};
        for (int32_t p = 0; p < positions; p++) {
            scores[p] = lw_exp(scores[p] - m);
            lanes[p % LW_LANES] = lanes[p % LW_LANES] + scores[p];
        }
        const float inverse = 1.0f / lw_fold(lanes);
        for (size_t d = 0; d < dim; d++) {
            out[d] = 0.0f;
        }
        for (int32_t p = 0; p < positions; p++) {
            const uint16_t *v = a->v + (size_t)p * dim;
            for (size_t d = 0; d < dim; d++) {
                out[d] = out[d] + scores[p] * lw_f16_to_f32(v[d]);
            }
        }
        for (size_t d = 0; d < dim; d++) {
            out[d] = out[d] * inverse;
        }
    }
}

void lw_attention_scalar(const lw_attention_args *a) {
    for (int32_t token = 0; token < a->tokens; token++) {
        attend(a, token);
    }
}
