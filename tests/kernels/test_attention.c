/* Attention of 1 to 9 query heads on one key/value head, for 1 to 8 tokens, with tails in
 * dimensions and positions. */
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

static void check_case(int32_t tokens, int32_t queries, int32_t head_dim, int32_t positions,
                       side at, bool special) {
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
    uint16_t *k = guarded(MEM_CODES, at, kv_count * sizeof *k, sizeof *k);
    uint16_t *v = guarded(MEM_SCALES, at, kv_count * sizeof *v, sizeof *v);
    float *wanted = guarded(MEM_B, at, out_count * sizeof *q, sizeof *q);
    random_floats(q, q_count, special);
    for (size_t i = 0; i < kv_count; i++) {
        float pair[2];
        random_floats(pair, 2, special && random_range(0, 9) == 0);
        k[i] = naive_f32_to_f16(pair[0]);
        v[i] = naive_f32_to_f16(pair[1]);
    }
    lw_attention_args args = {.q = q,
                              .k = k,
                              .v = v,
                              .q_stride = q_stride,
                              .out_stride = out_stride,
                              .scores_stride = stride,
                              .tokens = tokens,
                              .queries = queries,
                              .head_dim = head_dim,
                              .positions = positions,
                              .scale = 0.125f};
    attend_naively(&args, wanted);
    for (const vector_row *row = vector_rows; row->name != NULL; row++) {
        if (strcmp(row->slot, "attention") == 0 && row->isa <= host_isa()) {
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
            for (int variant = 0; variant < 4; variant++) {
                const int32_t tokens =
                    random_range(0, 2) == 0 ? 1 : random_range(2, LW_ATTENTION_TOKENS);
                check_case(tokens, random_range(1, 9), dims[d], positions[p],
                           variant % 2 == 0 ? AT_BEGIN : AT_END, variant / 2 != 0);
            }
        }
    }
}
