/* Attention of the query heads that share one key/value head. Heads go in blocks of 4, 2 or 1, so
 * that a key or value, once converted to float32, serves several of them; of several tokens too,
 * when it is converted to a tile in the first-level cache.
 */
#ifndef LW_AVX512_ATTENTION_HEADS_H
#define LW_AVX512_ATTENTION_HEADS_H

#include "attention_dots.h"
#include "attention_tile.h"

enum { STEP_VALUES = 32 }; /* read whole before the next: the order in which they lie */

LW_INLINE int32_t min_i32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

/* What query heads of one token, from some head on, read and write. */
typedef struct {
    const float *q;
    float *out;
    float *scores;
    int32_t positions;
} token_heads;

LW_INLINE token_heads heads_of(const lw_attention_args *a, int32_t token, int32_t head) {
    const size_t at = (size_t)head * (size_t)a->head_dim;
    const size_t row = (size_t)token * (size_t)a->queries + (size_t)head;
    return (token_heads){
        .q = a->q + (size_t)token * a->q_stride + at,
        .out = a->out + (size_t)token * a->out_stride + at,
        .scores = a->scores + row * (size_t)a->scores_stride,
        .positions = a->positions + token,
    };
}

/* A call, lest gcc keep the constants of exp in registers through loops that need all of them. */
static __attribute__((noinline)) void softmax_heads(const lw_attention_args *a,
                                                    const token_heads *t, float *inverse, int heads,
                                                    bool q8) {
    if (heads == 4) {
        softmax(a, t->scores, t->positions, inverse, 4, q8);
    } else if (heads == 2) {
        softmax(a, t->scores, t->positions, inverse, 2, q8);
    } else {
        softmax(a, t->scores, t->positions, inverse, 1, q8);
    }
}

/* Whether keys and values go through tiles. */
LW_INLINE bool is_tiled(const lw_attention_args *a) {
    return a->tokens > 1 && a->head_dim <= TILE_DIMS;
}

/* All scores, tile by tile. */
LW_INLINE void dots_tiled(const lw_attention_args *a, float tile[TILE], const kv_form form) {
    const size_t dim = (size_t)a->head_dim;
    const int32_t end = a->positions + a->tokens - 1;
    const int32_t rows = a->tokens * a->queries;
    for (int32_t p = 0; p < end; p += TILE_KEYS) {
        const kv_rows keys = rows_at(a->k, (size_t)p * dim, dim, min_i32(TILE_KEYS, end - p), form);
        convert_columns(tile, &keys, a->head_dim, form);
        for (int32_t row = 0; row < rows; row += TILE_ROWS) {
            const float *q[TILE_ROWS];
            float *scores[TILE_ROWS];
            for (int r = 0; r < TILE_ROWS; r++) { /* past the end: the last row again */
                const int32_t at = min_i32(row + r, rows - 1);
                const token_heads t = heads_of(a, at / a->queries, at % a->queries);
                q[r] = t.q;
                scores[r] = t.scores + p;
            }
            dots_of_columns(a, tile, q, scores);
        }
    }
}

/* out of `heads` query heads from `head` on, of one token, += what `count` values from p on give
 * for elements [d, d + OUT_DIMS), as far as there are. */
LW_INLINE void add_values(const lw_attention_args *a, const token_heads *t, const float *inverse,
                          const kv_rows *values, const uint8_t *ahead, int32_t p, int32_t d,
                          const int heads, const kv_form form) {
    const kv_rows seen = {values->first, values->stride, min_i32(values->count, t->positions - p)};
    const bool last = p + values->count >= t->positions;
    if (a->head_dim - d >= OUT_DIMS) {
        output(a, &seen, t->scores + p, inverse, ahead, t->out + d, OUT_DIMS, p == 0, last, heads,
               form);
    } else {
        output(a, &seen, t->scores + p, inverse, ahead, t->out + d, a->head_dim - d, p == 0, last,
               heads, form);
    }
}

/* All that follows the scores, for `heads` query heads from `head` on of all tokens; tile by tile.
 */
LW_INLINE void weigh_tiled(const lw_attention_args *a, float tile[TILE], int32_t head,
                           const int heads, const kv_form form) {
    float inverse[LW_ATTENTION_TOKENS][MAX_HEADS];
    const size_t dim = (size_t)a->head_dim;
    const int32_t end = a->positions + a->tokens - 1;
    for (int32_t token = 0; token < a->tokens; token++) {
        const token_heads t = heads_of(a, token, head);
        softmax_heads(a, &t, inverse[token], heads, form == KV_Q8);
    }
    for (int32_t d = 0; d < a->head_dim; d += OUT_DIMS) {
        for (int32_t p = 0; p < end; p += TILE_VALUES) {
            const kv_rows stored = rows_at(a->v, (size_t)p * dim + (size_t)d, dim,
                                           min_i32(TILE_VALUES, end - p), form);
            const kv_rows values = convert(tile, OUT_DIMS, &stored, a->head_dim - d, form);
            for (int32_t token = 0; token < a->tokens; token++) {
                const token_heads t = heads_of(a, token, head);
                if (p < t.positions) {
                    add_values(a, &t, inverse[token], &values, NULL, p, d, heads, KV_TILE);
                }
            }
        }
    }
}

/* `heads` query heads from `head` on, of one token. */
LW_INLINE void attend(const lw_attention_args *a, int32_t token, int32_t head, const int heads,
                      const kv_form form) {
    const token_heads t = heads_of(a, token, head);
    const size_t dim = (size_t)a->head_dim;
    const size_t bytes = (size_t)t.positions * dim * element_bytes(form);
    const void *next = a->next && head + heads == a->queries ? a->next : a->k;
    const kv_rows keys = rows_at(a->k, 0, dim, t.positions, form);
    float inverse[MAX_HEADS];
    dots(a, &keys, a->v, t.q, t.scores, heads, form);
    softmax_heads(a, &t, inverse, heads, form == KV_Q8);
    for (int32_t p = 0; p < t.positions; p += STEP_VALUES) {
        for (int32_t d = 0; d < a->head_dim; d += OUT_DIMS) {
            const size_t at = (size_t)p * dim + (size_t)d;
            const kv_rows values =
                rows_at(a->v, at, dim, min_i32(STEP_VALUES, t.positions - p), form);
            const uint8_t *ahead = ahead_of(a->v, at * element_bytes(form), bytes, next);
            add_values(a, &t, inverse, &values, ahead, p, d, heads, form);
        }
    }
}

/* `heads` query heads from `head` on. */
LW_INLINE void attend_heads(const lw_attention_args *a, float tile[TILE], int32_t head,
                            const int heads, const kv_form form) {
    if (is_tiled(a)) {
        weigh_tiled(a, tile, head, heads, form);
        return;
    }
    for (int32_t token = 0; token < a->tokens; token++) {
        attend(a, token, head, heads, form);
    }
}

/* All query heads of all tokens. */
LW_INLINE void attend_all(const lw_attention_args *a, const kv_form form) {
    _Alignas(64) float tile[TILE];
    if (is_tiled(a)) {
        dots_tiled(a, tile, form);
    }
    int32_t head = 0;
    for (; head + 4 <= a->queries; head += 4) {
        attend_heads(a, tile, head, 4, form);
    }
    if (head + 2 <= a->queries) {
        attend_heads(a, tile, head, 2, form);
        head += 2;
    }
    if (head < a->queries) {
        attend_heads(a, tile, head, 1, form);
    }
}

#endif
