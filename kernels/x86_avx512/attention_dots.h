/* Scores of one token: `heads` x (16 / heads) keys in 16 registers of fold lanes, whose 16 folds
 * then run as one transposing tree with the levels of the fold (several tokens: attention_tile.h).
 */
#ifndef LW_AVX512_ATTENTION_DOTS_H
#define LW_AVX512_ATTENTION_DOTS_H

#include "attention.h"

/* Lane j + lane j + 8 of a, then of b; a blend is cheaper than a second shuffle. */
LW_INLINE __m512 fold8(__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_mask_blend_ps(0xff00, a, b), _mm512_shuffle_f32x4(a, b, 0x4e));
}

/* Quarters 0 and 1, and 2 and 3, of a, then of b. */
LW_INLINE __m512 fold4(__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
}

/* In each quarter: lane j + lane j + 2 of a, then of b. */
LW_INLINE __m512 fold2(__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_mask_blend_ps(0xcccc, a, b), _mm512_shuffle_ps(a, b, 0x4e));
}

/* The folds of 16 registers, in order. */
LW_INLINE __m512 fold16(const __m512 v[LW_LANES]) {
    __m512 four[4]; /* of v[i], v[i + 4], v[i + 8], v[i + 12], 4 lanes each, j + 4 added */
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        four[i] = fold4(fold8(v[i], v[i + 4]), fold8(v[i + 8], v[i + 12]));
    }
    const __m512 a = fold2(four[0], four[1]), b = fold2(four[2], four[3]);
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd));
}

/* What a block of scores is made of. */
typedef struct {
    const float *q[MAX_HEADS];
    kv_rows keys[LW_LANES]; /* one each */
} dots_block;

/* acc[h][i] += elements [d, d + 16), as far as m has them, of q_h times those of key i. The `first`
 * start the sums: 0 + x is x but for the sign of a zero, which no exponential shows. */
LW_INLINE void add_products(__m512 acc[LW_LANES], const dots_block *b, int32_t d, const __mmask16 m,
                            const bool first, const int heads, const kv_form form) {
    const int block_keys = LW_LANES / heads;
    __m512 qd[MAX_HEADS];
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
        qd[h] = _mm512_maskz_loadu_ps(m, b->q[h] + d);
    }
#pragma GCC unroll 16
    for (int i = 0; i < block_keys; i++) {
        const __m512 kd = load(&b->keys[i], 0, d, m, form);
#pragma GCC unroll 4
        for (int h = 0; h < heads; h++) {
            const __m512 product = _mm512_mul_ps(qd[h], kd);
            const int at = h * block_keys + i;
            acc[at] = first ? product : _mm512_add_ps(acc[at], product);
        }
    }
}

/* Fetch what a step of 16 elements will read; returns what the next step will. */
LW_INLINE const uint8_t *fetch_step(const uint8_t *ahead, const int bytes) {
#pragma GCC unroll 16
    for (int line = 0; line < bytes; line += CACHE_LINE) {
        fetch(ahead + line);
    }
    return ahead + bytes;
}

/* scores[h][p] = fold(q_h * k_p) * scale, for all keys up to a multiple of 16 / heads. Meanwhile
 * fetches keys ahead, and behind the last what `next` points to. */
LW_INLINE void dots(const lw_attention_args *a, const kv_rows *keys, const void *next,
                    const float *q, float *scores, const int heads, const kv_form form) {
    const int block_keys = LW_LANES / heads;
    const int step_bytes = LW_LANES * block_keys * (int)element_bytes(form);
    const size_t row_bytes = keys->stride * element_bytes(form);
    dots_block b;
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
        b.q[h] = q + (size_t)h * (size_t)a->head_dim;
    }
    for (int32_t p = 0; p < keys->count; p += block_keys) {
        const size_t at = (size_t)p * row_bytes;
        const uint8_t *ahead = ahead_of(keys->first, at, (size_t)keys->count * row_bytes, next);
        const uint8_t *key = (const uint8_t *)keys->first + at;
        __m512 acc[LW_LANES];
#pragma GCC unroll 16
        for (int i = 0; i < block_keys; i++) {
            b.keys[i] = (kv_rows){key, keys->stride, 1};
            key += p + i + 1 < keys->count ? row_bytes : 0; /* past the end: the last key again */
        }
        add_products(acc, &b, 0, lw_lanes(a->head_dim), true, heads, form);
        ahead = fetch_step(ahead, step_bytes);
        int32_t d = LW_LANES;
        for (; d + LW_LANES <= a->head_dim; d += LW_LANES) {
            add_products(acc, &b, d, ALL_LANES, false, heads, form);
            ahead = fetch_step(ahead, step_bytes);
        }
        if (d < a->head_dim) {
            add_products(acc, &b, d, lw_lanes(a->head_dim - d), false, heads, form);
        }
        float block[LW_LANES];
        _mm512_storeu_ps(block, _mm512_mul_ps(fold16(acc), _mm512_set1_ps(a->scale)));
        for (int h = 0; h < heads; h++) {
            memcpy(scores + (size_t)h * (size_t)a->scores_stride + p, block + h * block_keys,
                   (size_t)block_keys * sizeof *block);
        }
    }
}

#endif
