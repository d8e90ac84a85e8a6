/* Attention of 1 to 9 query heads on one key/value head, for 1 to 16 tokens, with tails in
 * dimensions and positions; keys and values as float16 and as int8. */
#include <string.h>

#include "harness.h"
#include "naive.h"
#include "suites.h"

/* Token by token, by the definition. */
static void attend_naively(const lw_attention_args *a, float *wanted) {
    lw_attention_args token = *a;
    for (int32_t t = 0; t < a->tokens; t++, token.positions++) {
        naive_attention(&token, wanted + (size_t)t * a->out_stride);
        token.q += a->q_stride;
    }
}

/* float16, now and then a special number; or int8, full range. */
static const void *make_cache(region where, side at, size_t count, bool q8, bool special) {
    if (q8) {
        int8_t *codes = guarded(where, at, count, 1);
        for (size_t i = 0; i < count; i++) {
            codes[i] = (int8_t)random_range(-127, 127);
        }
        return codes;
    }
    uint16_t *halves = guarded(where, at, count * sizeof *halves, sizeof *halves);
    for (size_t i = 0; i < count; i++) {
        float value[1];
        random_floats(value, 1, special && random_range(0, 9) == 0);
        halves[i] = naive_f32_to_f16(value[0]);
    }
    return halves;
}

/* Scales of int8 positions, or NULL. */
static const float *make_scales(region where, side at, size_t count, bool q8, bool special) {
    if (!q8) {
        return NULL;
    }
    float *scales = guarded(where, at, count * sizeof *scales, sizeof *scales);
    random_floats(scales, count, special);
    return scales;
}

static void check_case(int32_t tokens, int32_t queries, int32_t head_dim, int32_t positions,
                       side at, bool special, bool q8) {
    const size_t width = (size_t)queries * (size_t)head_dim;
    const size_t q_stride = width + (size_t)random_range(0, 20);
    const size_t out_stride = width + (size_t)random_range(0, 20);
    const size_t q_count = (size_t)(tokens - 1) * q_stride + width;
    const size_t out_count = (size_t)(tokens - 1) * out_stride + width;
    const int32_t seen = positions + tokens - 1;
    const size_t kv_count = (size_t)seen * (size_t)head_dim;
    const int32_t stride = (seen + 15) / 16 * 16 + 16 * random_range(0, 1);
    const size_t score_count = (size_t)tokens * (size_t)queries * (size_t)stride;
    float *q = guarded(MEM_A, at, q_count * sizeof *q, sizeof *q);
    float *wanted = guarded(MEM_B, at, out_count * sizeof *q, sizeof *q);
    random_floats(q, q_count, special);
    lw_attention_args args = {.q = q,
                              .k = make_cache(MEM_CODES, at, kv_count, q8, special),
                              .v = make_cache(MEM_SCALES, at, kv_count, q8, special),
                              .k_scales = make_scales(MEM_X_SUMS, at, (size_t)seen, q8, special),
                              .v_scales = make_scales(MEM_X_SCALES, at, (size_t)seen, q8, special),
                              .q_stride = q_stride,
                              .out_stride = out_stride,
                              .scores_stride = stride,
                              .tokens = tokens,
                              .queries = queries,
                              .head_dim = head_dim,
                              .positions = positions,
                              .scale = 0.125f};
    args.next = random_range(0, 1) == 0 ? args.k : NULL;
    attend_naively(&args, wanted);
    for (const vector_row *row = vector_rows; row->name != NULL; row++) {
        if (strcmp(row->slot, q8 ? "attention_q8" : "attention") == 0 && row->isa <= host_isa()) {
            args.out = guarded(MEM_Y, at, out_count * sizeof *q, sizeof *q);
            args.scores = guarded(MEM_X, at, score_count * sizeof *q, sizeof *q);
            describe("tokens %d, queries %d, head_dim %d, positions %d, %s, %s floats", tokens,
                     queries, head_dim, positions, at == AT_BEGIN ? "begin" : "end",
                     special ? "special" : "plain");
            running(row->name);
            ((lw_attention_fn *)row->fn)(&args);
            expect_floats(row->name, "out", args.out, wanted, out_count);
        }
    }
}

void test_attention(void) {
    static const int32_t dims[] = {2,  4,  6,  8,  14, 16, 18,  24,  30,  32,
                                   34, 48, 64, 66, 80, 96, 128, 130, 256, 258};
    static const int32_t positions[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 257};
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
        for (size_t p = 0; p < sizeof positions / sizeof *positions; p++) {
            for (int variant = 0; variant < 8; variant++) {
                const int32_t tokens =
                    random_range(0, 2) == 0 ? 1 : random_range(2, LW_ATTENTION_TOKENS);
                check_case(tokens, random_range(1, 9), dims[d], positions[p],
                           variant % 2 == 0 ? AT_BEGIN : AT_END, variant / 2 % 2 != 0,
                           variant / 4 != 0);
            }
        }
    }
}
