/* Attention of the query heads that share one key/value head. Heads go in blocks of 4, 2 or 1, so
 * that a key or value, once converted to float32, serves several of them; of several tokens too,
 * when it is converted to a tile in the first-level cache.
 */
#ifndef LW_AVX512_ATTENTION_HEADS_H
#define LW_AVX512_ATTENTION_HEADS_H

#include "attention.h"

enum {
    TILE = 4096, /* floats: half of the first-level cache, the rest is for queries and scores */
    TILE_KEYS = 16,
    TILE_VALUES = TILE / OUT_DIMS,
};

LW_INLINE int32_t min_i32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

/* What `heads` query heads of one token read and write. */
typedef struct {
    const float *q;
    float *out;
    float *scores;
    int32_t positions;
} token_heads;

static token_heads heads_of(const lw_attention_args *a, int32_t token, int32_t head) {
    const size_t at = (size_t)head * (size_t)a->head_dim;
    const size_t row = (size_t)token * (size_t)a->queries + (size_t)head;
    return (token_heads){
        .q = a->q + (size_t)token * a->q_stride + at,
        .out = a->out + (size_t)token * a->out_stride + at,
        .scores = a->scores + row * (size_t)a->scores_stride,
        .positions = a->positions + token,
    };
}

/* `heads` query heads from `head` on, of one token. */
LW_INLINE void attend(const lw_attention_args *a, int32_t token, int32_t head, const int heads,
                      const kv_form form) {
    const token_heads t = heads_of(a, token, head);
    const kv_rows keys = rows_at(a->k, 0, (size_t)a->head_dim, t.positions, form);
    float inverse[MAX_HEADS];
    dots(a, &keys, t.q, t.scores, heads, form);
    for (int h = 0; h < heads; h++) {
        inverse[h] =
            softmax(a, t.scores + (size_t)h * (size_t)a->scores_stride, t.positions, form == KV_Q8);
    }
    for (int32_t d = 0; d < a->head_dim; d += OUT_DIMS) {
        const kv_rows values = rows_at(a->v, (size_t)d, (size_t)a->head_dim, t.positions, form);
        output(a, &values, t.scores, inverse, t.out + d, a->head_dim - d, true, true, heads, form);
    }
}

/* The same for all tokens, tile by tile. head_dim is at most TILE / TILE_KEYS. */
LW_INLINE void attend_tokens(const lw_attention_args *a, int32_t head, const int heads,
                             const kv_form form) {
    _Alignas(64) float tile[TILE];
    float inverse[LW_ATTENTION_TOKENS][MAX_HEADS];
    const size_t dim = (size_t)a->head_dim;
    const size_t key_stride = (dim + LW_LANES - 1) / LW_LANES * LW_LANES;
    const int32_t end = a->positions + a->tokens - 1;
    for (int32_t p = 0; p < end; p += TILE_KEYS) {
        const kv_rows stored =
            rows_at(a->k, (size_t)p * dim, dim, min_i32(TILE_KEYS, end - p), form);
        const kv_rows keys = convert(tile, key_stride, &stored, a->head_dim, form);
        for (int32_t token = 0; token < a->tokens; token++) {
            const token_heads t = heads_of(a, token, head);
            dots(a, &keys, t.q, t.scores + p, heads, KV_TILE);
        }
    }
    for (int32_t token = 0; token < a->tokens; token++) {
        const token_heads t = heads_of(a, token, head);
        for (int h = 0; h < heads; h++) {
            inverse[token][h] = softmax(a, t.scores + (size_t)h * (size_t)a->scores_stride,
                                        t.positions, form == KV_Q8);
        }
    }
    for (int32_t d = 0; d < a->head_dim; d += OUT_DIMS) {
        for (int32_t p = 0; p < end; p += TILE_VALUES) {
            const kv_rows stored = rows_at(a->v, (size_t)p * dim + (size_t)d, dim,
                                           min_i32(TILE_VALUES, end - p), form);
            kv_rows values = convert(tile, OUT_DIMS, &stored, a->head_dim - d, form);
            for (int32_t token = 0; token < a->tokens; token++) {
                const token_heads t = heads_of(a, token, head);
                values.count = min_i32(stored.count, t.positions - p);
                if (values.count > 0) {
                    output(a, &values, t.scores + p, inverse[token], t.out + d, a->head_dim - d,
                           p == 0, p + TILE_VALUES >= t.positions, heads, KV_TILE);
                }
            }
        }
    }
}

/* `heads` query heads from `head` on. */
LW_INLINE void attend_heads(const lw_attention_args *a, int32_t head, const int heads,
                            const kv_form form) {
    if (a->tokens > 1 && a->head_dim <= TILE / TILE_KEYS) {
        attend_tokens(a, head, heads, form);
        return;
    }
    for (int32_t token = 0; token < a->tokens; token++) {
        attend(a, token, head, heads, form);
    }
}

/* All query heads of all tokens. */
LW_INLINE void attend_all(const lw_attention_args *a, const kv_form form) {
    int32_t head = 0;
    for (; head + 4 <= a->queries; head += 4) {
        attend_heads(a, head, 4, form);
    }
    if (head + 2 <= a->queries) {
        attend_heads(a, head, 2, form);
        head += 2;
    }
    if (head < a->queries) {
        attend_heads(a, head, 1, form);
    }
}

#endif
