/* Attention of the query heads that share one key/value head. Heads go in blocks of 4, 2 or 1, so
 * that a key or value, once converted, serves several of them.
 *
 *   dots     16 registers of fold lanes: `heads` x (16 / heads) keys; the 16 folds then run as one
 *            transposing tree, whose levels are those of the fold
 *   softmax  16 positions a register: its lanes are those of the fold
 *   output   `heads` x 4 registers, 64 elements of each head; positions are added in order
 */
#include "../kernels.h"
#include "vec.h"

#include <math.h>
#include <string.h>

enum { MAX_HEADS = 4, OUT_VECTORS = 4 };

LW_INLINE __m512 load_f16(const uint16_t *p, __mmask16 m) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, p));
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

/* scores[h][p] = fold(q_h * k_p) * scale, for all p up to a multiple of 16 / heads. */
LW_INLINE void dots(const lw_attention_args *a, const float *q, float *scores, const int heads) {
    const int keys = LW_LANES / heads;
    const size_t dim = (size_t)a->head_dim;
    for (int32_t p = 0; p < a->positions; p += keys) {
        const uint16_t *k[LW_LANES];
        __m512 acc[LW_LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LW_LANES; i++) {
            acc[i] = _mm512_setzero_ps();
        }
        for (int i = 0; i < keys; i++) { /* past the end: the last key again */
            k[i] = a->k + (size_t)(p + i < a->positions ? p + i : a->positions - 1) * dim;
        }
        for (int32_t d = 0; d < a->head_dim; d += LW_LANES) {
            const __mmask16 m = lw_lanes(a->head_dim - d);
            __m512 qd[MAX_HEADS];
#pragma GCC unroll 4
            for (int h = 0; h < heads; h++) {
                qd[h] = _mm512_maskz_loadu_ps(m, q + (size_t)h * dim + d);
            }
#pragma GCC unroll 16
            for (int i = 0; i < keys; i++) {
                const __m512 kd = load_f16(k[i] + d, m);
#pragma GCC unroll 4
                for (int h = 0; h < heads; h++) {
                    acc[h * keys + i] = _mm512_add_ps(acc[h * keys + i], _mm512_mul_ps(qd[h], kd));
                }
            }
        }
        float block[LW_LANES];
        _mm512_storeu_ps(block, _mm512_mul_ps(fold16(acc), _mm512_set1_ps(a->scale)));
        for (int h = 0; h < heads; h++) {
            memcpy(scores + (size_t)h * (size_t)a->scores_stride + p, block + h * keys,
                   (size_t)keys * sizeof *block);
        }
    }
}

/* Scores to exponentials; returns 1 / their sum. */
static float softmax(float *scores, int32_t positions) {
    __m512 max = _mm512_set1_ps(-INFINITY);
    for (int32_t p = 0; p < positions; p += LW_LANES) {
        const __m512 s = _mm512_loadu_ps(scores + p);
        max = _mm512_mask_max_ps(max, lw_lanes(positions - p), s, max);
    }
    const __m512 m = _mm512_set1_ps(_mm512_reduce_max_ps(max));
    __m512 sum = _mm512_setzero_ps();
    for (int32_t p = 0; p < positions; p += LW_LANES) {
        const __m512 e = _mm512_maskz_mov_ps(lw_lanes(positions - p),
                                             lw_exp(_mm512_sub_ps(_mm512_loadu_ps(scores + p), m)));
        _mm512_storeu_ps(scores + p, e);
        sum = _mm512_add_ps(sum, e);
    }
    return 1.0f / lw_fold(sum);
}

/* out_h = (sum of scores[h][p] * v_p) * inverse[h] */
LW_INLINE void output(const lw_attention_args *a, const float *scores, const float *inverse,
                      float *out, const int heads) {
    const size_t dim = (size_t)a->head_dim;
    for (int32_t d = 0; d < a->head_dim; d += OUT_VECTORS * LW_LANES) {
        __mmask16 m[OUT_VECTORS];
        __m512 acc[MAX_HEADS][OUT_VECTORS];
#pragma GCC unroll 4
        for (int i = 0; i < OUT_VECTORS; i++) {
            m[i] = lw_lanes(a->head_dim - d - i * LW_LANES);
#pragma GCC unroll 4
            for (int h = 0; h < heads; h++) {
                acc[h][i] = _mm512_setzero_ps();
            }
        }
        const uint16_t *v = a->v + d;
        for (int32_t p = 0; p < a->positions; p++, v += dim) {
#pragma GCC unroll 4
            for (int i = 0; i < OUT_VECTORS; i++) {
                const __m512 vd = load_f16(v + i * LW_LANES, m[i]);
#pragma GCC unroll 4
                for (int h = 0; h < heads; h++) {
                    const __m512 e = _mm512_set1_ps(scores[h * a->scores_stride + p]);
                    acc[h][i] = _mm512_add_ps(acc[h][i], _mm512_mul_ps(e, vd));
                }
            }
        }
        for (int h = 0; h < heads; h++) {
            float *to = out + (size_t)h * dim + d;
            for (int i = 0; i < OUT_VECTORS; i++) {
                const __m512 o = _mm512_mul_ps(acc[h][i], _mm512_set1_ps(inverse[h]));
                _mm512_mask_storeu_ps(to + i * LW_LANES, m[i], o);
            }
        }
    }
}

/* `heads` query heads from `head` on. */
LW_INLINE void attend(const lw_attention_args *a, int32_t head, const int heads) {
    const size_t at = (size_t)head * (size_t)a->head_dim;
    float *scores = a->scores + (size_t)head * (size_t)a->scores_stride;
    float inverse[MAX_HEADS];
    dots(a, a->q + at, scores, heads);
    for (int h = 0; h < heads; h++) {
        inverse[h] = softmax(scores + (size_t)h * (size_t)a->scores_stride, a->positions);
    }
    output(a, scores, inverse, a->out + at, heads);
}

void lw_attention_avx512(const lw_attention_args *a) {
    int32_t head = 0;
    for (; head + 4 <= a->queries; head += 4) {
        attend(a, head, 4);
    }
    if (head + 2 <= a->queries) {
        attend(a, head, 2);
        head += 2;
    }
    if (head < a->queries) {
        attend(a, head, 1);
    }
}
