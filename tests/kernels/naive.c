#include "naive.h"

#include <math.h>
#include <string.h>

#include "exp.h"

float naive_fold(const float *terms, int32_t n) {
    float lane[16] = {0};
    for (int32_t i = 0; i < n; i++) {
        lane[i % 16] += terms[i];
    }
    for (int32_t j = 0; j < 8; j++) {
        lane[j] += lane[j + 8];
    }
    for (int32_t j = 0; j < 4; j++) {
        lane[j] += lane[j + 4];
    }
    lane[0] += lane[2];
    lane[1] += lane[3];
    return lane[0] + lane[1];
}

float naive_exp(float x) {
    x = x > LW_EXP_MIN ? x : LW_EXP_MIN;
    x = x < LW_EXP_MAX ? x : LW_EXP_MAX;
    const float n = rintf(x * LW_EXP_LOG2E);
    const float high = x - n * LW_EXP_LN2_HI;
    const float r = high - n * LW_EXP_LN2_LO;
    float p = LW_EXP_C6;
    p = p * r + LW_EXP_C5;
    p = p * r + LW_EXP_C4;
    p = p * r + LW_EXP_C3;
    p = p * r + LW_EXP_C2;
    p = p * r + LW_EXP_C1;
    p = p * r + LW_EXP_C0;
    return ldexpf(p, (int)n);
}

float naive_f16_to_f32(uint16_t half) {
    const int exponent = half >> 10 & 31;
    const int mantissa = half & 1023;
    const double sign = half >> 15 ? -1.0 : 1.0;
    if (exponent == 31) {
        return mantissa != 0 ? NAN : (float)(sign * INFINITY);
    }
    return (float)(sign *
                   (exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25)));
}

uint16_t naive_f32_to_f16(float value) {
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    if (isnan(value)) {
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        return (uint16_t)(sign | 0x7e00 | (bits >> 13 & 0x3ff)); /* quiet, upper payload kept */
    }
    const double magnitude = fabs((double)value);
    int exponent = magnitude > 0 && !isinf(magnitude) ? ilogb(magnitude) : -14;
    exponent = exponent < -14 ? -14 : exponent;
    const double units = nearbyint(ldexp(magnitude, 10 - exponent)); /* 0..2048 */
    if (ldexp(units, exponent - 10) > 65504.0) {
        return sign | 0x7c00;
    }
    /* a mantissa of 1024 and more carries the implicit bit, and 2048 carries into the exponent */
    return (uint16_t)(sign | ((uint32_t)(exponent + 14) * 1024 + (uint32_t)units));
}

int32_t naive_value(const naive_matrix *m, int32_t row, int32_t k) {
    const int32_t code = m->codes[(size_t)row * (size_t)m->cols + (size_t)k];
    if (m->zeros != NULL) {
        return code - m->zeros[row * m->groups + k / m->group];
    }
    return m->bits == 1 ? 2 * code - 1 : code - m->offset;
}

/* sum of value * q over one group, then the float steps in order */
float naive_matmul(const naive_matrix *m, const naive_x *x, int32_t token, int32_t row) {
    const int32_t group = m->group != 0 ? m->group : m->cols;
    const int8_t *q = x->codes + (size_t)token * (size_t)x->cols;
    float acc = 0.0f;
    for (int32_t g = 0; g < m->groups; g++) {
        int64_t sum = 0;
        for (int32_t k = g * group; k < (g + 1) * group && k < m->cols; k++) {
            sum += naive_value(m, row, k) * q[k];
        }
        acc = acc + m->scales[row * m->groups + g] * (float)sum;
    }
    return acc * x->scales[token];
}

void naive_quantize(const float *x, int32_t n, int8_t *codes, int32_t *sums, float *scale) {
    float m = 1e-5f;
    for (int32_t i = 0; i < n; i++) {
        m = fabsf(x[i]) > m ? fabsf(x[i]) : m;
    }
    *scale = m / 127.0f;
    const int32_t stride = (n + 19 + 63) / 64 * 64;
    memset(codes, 0, (size_t)stride);
    memset(sums, 0, (size_t)stride / 32 * sizeof *sums);
    for (int32_t i = 0; i < n; i++) {
        float v = x[i] * (127.0f / m);
        v = v > -127.0f ? v : -127.0f;
        v = v < 127.0f ? v : 127.0f;
        codes[i] = (int8_t)rintf(v);
        sums[i / 32] += codes[i];
    }
}

void naive_rmsnorm(float *y, const float *x, const float *w, int32_t n, float eps) {
    float *squares = guarded(MEM_SCRATCH, AT_END, (size_t)n * sizeof *squares, sizeof *squares);
    for (int32_t i = 0; i < n; i++) {
        squares[i] = x[i] * x[i];
    }
    const float r = 1.0f / sqrtf(naive_fold(squares, n) / (float)n + eps);
    for (int32_t i = 0; i < n; i++) {
        y[i] = (x[i] * r) * w[i];
    }
}

static float cached(const lw_attention_args *a, const void *kv, int32_t p, int32_t d) {
    const int32_t at = p * a->head_dim + d;
    return a->k_scales != NULL ? (float)((const int8_t *)kv)[at]
                               : naive_f16_to_f32(((const uint16_t *)kv)[at]);
}

void naive_attention(const lw_attention_args *a, float *out) {
    float *terms = guarded(MEM_SCRATCH, AT_END,
                           (size_t)(a->positions + a->head_dim) * sizeof *terms, sizeof *terms);
    float *products = terms + a->positions;
    for (int32_t query = 0; query < a->queries; query++) {
        const float *q = a->q + (size_t)query * (size_t)a->head_dim;
        float m = -INFINITY;
        for (int32_t p = 0; p < a->positions; p++) {
            for (int32_t d = 0; d < a->head_dim; d++) {
                products[d] = q[d] * cached(a, a->k, p, d);
            }
            terms[p] = naive_fold(products, a->head_dim) * a->scale;
            if (a->k_scales != NULL) {
                terms[p] = terms[p] * a->k_scales[p];
            }
            m = terms[p] > m ? terms[p] : m;
        }
        for (int32_t p = 0; p < a->positions; p++) {
            terms[p] = naive_exp(terms[p] - m);
        }
        const float inverse = 1.0f / naive_fold(terms, a->positions);
        for (int32_t p = 0; p < a->positions && a->v_scales != NULL; p++) {
            terms[p] = terms[p] * a->v_scales[p];
        }
        for (int32_t d = 0; d < a->head_dim; d++) {
            float o = 0.0f;
            for (int32_t p = 0; p < a->positions; p++) {
                o = o + terms[p] * cached(a, a->v, p, d);
            }
            out[query * a->head_dim + d] = o * inverse;
        }
    }
}
