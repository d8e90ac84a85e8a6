/* lw_eval_top against lw_eval: the same logits for the first `top` tokens, whatever the head and
 * the state, on every instruction set and number of threads. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "head_model.h"
#include "layout.h"
#include "lutwerk/lutwerk.h"
#include "model.h"
#include "model_bytes.h"
#include "running.h"

enum { VOCAB = 2051, HIDDEN = 150, GROUPS = (HIDDEN + 63) / 64, PADDED = GROUPS * 64 };

/* Random rows; pairs of equal rows; rows that differ in few columns; rows of very different norms;
 * extreme codes, and states of extreme activations; all the same row. */
typedef enum { RANDOM, DUPLICATES, NEAR, NORMS, CORNERS, EQUAL, KINDS } head_kind;

static float states[VOCAB * HIDDEN];
static uint8_t codes[VOCAB * HIDDEN];
static float scales[VOCAB * GROUPS];
static uint8_t dither[PADDED];
static float full[VOCAB];
static float some[VOCAB];

/* About normal, like weights: the sum of a few uniform values. */
static uint8_t random_code(uint64_t *random) {
    uint32_t sum = 0;
    for (int i = 0; i < 4; i++)
        sum += random_below(random, 15);
    return (uint8_t)(sum > 56 ? 56 : sum);
}

static void fill_row(uint32_t n, head_kind kind, uint64_t *random) {
    uint8_t *row = codes + (size_t)n * HIDDEN;
    const uint32_t source = kind == DUPLICATES && n >= VOCAB / 2 ? n - VOCAB / 2 : 0;
    const bool copy = kind == EQUAL || kind == NEAR || (kind == DUPLICATES && n >= VOCAB / 2);
    if (n > 0 && copy) {
        memcpy(row, codes + (size_t)source * HIDDEN, HIDDEN);
        memcpy(scales + n * GROUPS, scales + source * GROUPS, GROUPS * sizeof *scales);
        for (uint32_t i = 0; i < 3 && kind == NEAR; i++)
            row[random_below(random, HIDDEN)] = random_code(random);
        return;
    }
    const float norm = kind == NORMS ? 1.0f / sqrtf(1.0f + (float)((n * 7919u) % VOCAB)) : 1.0f;
    for (uint32_t k = 0; k < HIDDEN; k++)
        row[k] = kind == CORNERS ? (uint8_t)(random_below(random, 2) * 56) : random_code(random);
    for (uint32_t g = 0; g < GROUPS; g++)
        scales[n * GROUPS + g] = norm * 0.01f * (2.0f + random_float(random));
}

static uint8_t *build(head_kind kind, uint64_t *random, size_t *bytes) {
    for (uint32_t n = 0; n < VOCAB; n++)
        fill_row(n, kind, random);
    for (uint32_t k = 0; k < PADDED; k++)
        dither[k] = (uint8_t)random_below(random, 8);
    for (size_t i = 0; i < VOCAB * HIDDEN; i++)
        states[i] = kind == CORNERS ? (float)random_below(random, 2) - 0.5f : random_float(random);
    /* a state in the direction of a row; one with a large component; none at all */
    for (uint32_t k = 0; k < HIDDEN; k++) {
        states[1 * HIDDEN + k] = (float)codes[5 * HIDDEN + k] - 30.0f;
        states[2 * HIDDEN + k] *= k == 7 ? 50.0f : 1.0f;
        states[3 * HIDDEN + k] = 0.0f;
    }
    const head_model model = {VOCAB, HIDDEN, states, codes, scales, dither};
    return head_model_build(&model, bytes);
}

/* Whether token a comes before token b in the order of lw_sample, by their full logits. */
static bool before(uint32_t a, uint32_t b) {
    return full[a] != full[b] ? full[a] > full[b] : a < b;
}

/* What is not ruled out is exact, and what is ruled out has `top` tokens before it. */
static void expect_top(uint32_t top) {
    uint32_t worst = UINT32_MAX; /* of the first `top` in the order */
    static uint32_t order[VOCAB];
    uint32_t kept = 0;
    for (uint32_t n = 0; n < VOCAB; n++)
        if (some[n] != -INFINITY || full[n] == -INFINITY) {
            CHECK(memcmp(&some[n], &full[n], sizeof(float)) == 0);
            order[kept++] = n;
        }
    CHECK(kept >= (top < VOCAB ? top : VOCAB));
    for (uint32_t i = 0; i < top && i < kept; i++) {
        uint32_t best = i;
        for (uint32_t j = i + 1; j < kept; j++)
            best = before(order[j], order[best]) ? j : best;
        const uint32_t swap = order[i];
        order[i] = order[best];
        order[best] = swap;
        worst = order[i];
    }
    for (uint32_t n = 0; n < VOCAB && kept < VOCAB; n++)
        CHECK(some[n] != -INFINITY || before(worst, n));
}

static uint64_t full_count(const lw_session *session) {
    lw_head_stats stats;
    lw_session_head_stats(session, &stats);
    return stats.full;
}

static void compare(lw_session *session, uint32_t token, uint32_t top) {
    lw_head_stats stats, earlier;
    lw_session_truncate(session, 0);
    CHECK_EQUAL(lw_eval(session, &token, 1, full, 1), LW_OK);
    lw_session_head_stats(session, &earlier);
    CHECK_EQUAL(lw_eval_top(session, &token, 1, top, some), LW_OK);
    CHECK_EQUAL(lw_session_length(session), 2);
    expect_top(top);
    lw_session_head_stats(session, &stats);
    CHECK_EQUAL(stats.tokens, earlier.tokens + 1);
    if (stats.full != earlier.full) {
        CHECK(memcmp(some, full, sizeof full) == 0);
        CHECK_EQUAL(stats.full, earlier.full + 1);
        CHECK_EQUAL(stats.survivors, earlier.survivors);
    } else {
        CHECK(stats.survivors - earlier.survivors <= VOCAB / 8);
        CHECK(stats.candidates - earlier.candidates >= top);
        CHECK(stats.candidates - earlier.candidates <= stats.survivors - earlier.survivors);
    }
}

static void test_kind(head_kind kind, uint64_t *random) {
    static const uint32_t tops[] = {1, 2, 8, 40, 64, 65, 200, VOCAB, UINT32_MAX, 0};
    size_t bytes;
    uint8_t *file = build(kind, random, &bytes);
    lw_model model;
    CHECK_EQUAL(lw_model_open(file, bytes, 1, &model, NULL), LW_OK);
    lw_head_stats first = {0, 0, 0, 0};
    for (uint32_t isa = 0; isa < LW_ISA_COUNT; isa++)
        for (uint32_t threads = 1; lw_isa_includes(lw_cpu_isa(), isa) && threads <= 4;
             threads += isa == lw_cpu_isa() ? 1 : 3) {
            running r =
                start(&model, (lw_session_options){.threads = threads, .isa_limit = isa + 1});
            for (uint32_t token = 0; token < 6; token++)
                for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
                    if (token < 4 || tops[i] == 1)
                        compare(r.session, token, tops[i]);
            lw_head_stats stats;
            lw_session_head_stats(r.session, &stats);
            if (first.tokens == 0)
                first = stats;
            /* which rows survive depends on nothing but the model and the token */
            CHECK(memcmp(&stats, &first, sizeof stats) == 0);
            CHECK(kind == EQUAL || kind == NEAR || stats.full < stats.tokens);
            stop(r);
        }
    free(file);
}

/* The last tokens of a prompt in several chunks, and faults as those of lw_eval. */
static void test_prompt(const lw_model *model) {
    const uint32_t prompt[7] = {9, 8, 7, 6, 5, 4, 3};
    const uint32_t bad[2] = {0, VOCAB};
    running r = start(model, (lw_session_options){.context = 16, .threads = 2});
    CHECK_EQUAL(lw_eval(r.session, prompt, 5, full, 1), LW_OK);
    CHECK_EQUAL(lw_eval_top(r.session, prompt, 5, 1, some), LW_OK);
    expect_top(1);
    CHECK_EQUAL(lw_session_length(r.session), 10);
    CHECK_EQUAL(full_count(r.session), 0);
    CHECK_EQUAL(lw_eval_top(r.session, prompt, 0, 1, some), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_eval_top(r.session, prompt, 1, 1, NULL), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_eval_top(r.session, bad, 2, 1, some), LW_ERR_TOKEN);
    CHECK_EQUAL(lw_eval_top(r.session, prompt, 7, 1, some), LW_ERR_CONTEXT);
    CHECK_EQUAL(lw_session_length(r.session), 10);
    stop(r);
}

/* States and scales with infinities and NaNs are answered by the full head, or as if by it. */
static void test_not_finite(uint64_t *random) {
    size_t bytes;
    uint8_t *file = build(RANDOM, random, &bytes);
    free(file);
    states[0] = INFINITY;
    states[1 * HIDDEN] = NAN;
    scales[17 * GROUPS] = INFINITY;
    scales[18 * GROUPS + 1] = -INFINITY;
    scales[19 * GROUPS + 2] = NAN;
    const head_model model_of = {VOCAB, HIDDEN, states, codes, scales, dither};
    file = head_model_build(&model_of, &bytes);
    lw_model model;
    CHECK_EQUAL(lw_model_open(file, bytes, 1, &model, NULL), LW_OK);
    running r = start(&model, (lw_session_options){.threads = 2});
    for (uint32_t token = 0; token < 4; token++) {
        lw_session_truncate(r.session, 0);
        CHECK_EQUAL(lw_eval(r.session, &token, 1, full, 1), LW_OK);
        const uint64_t earlier = full_count(r.session);
        CHECK_EQUAL(lw_eval_top(r.session, &token, 1, 3, some), LW_OK);
        /* an infinite state, and one of zeros, whose logits are all the same */
        CHECK((token != 0 && token != 3) || full_count(r.session) == earlier + 1);
        const lw_sampling greedy = {.top_p = 1.0f, .repeat_penalty = 1.0f};
        static uint64_t scratch[VOCAB];
        uint64_t state = 1;
        uint32_t wanted, found;
        CHECK_EQUAL(lw_sample(full, VOCAB, &greedy, NULL, 0, &state, scratch, &wanted), LW_OK);
        CHECK_EQUAL(lw_sample(some, VOCAB, &greedy, NULL, 0, &state, scratch, &found), LW_OK);
        CHECK_EQUAL(found, wanted);
    }
    stop(r);
    free(file);
}

/* Both stages and the first alone are timed, without a trace in the context. */
static void test_measure(const lw_model *model) {
    running r = start(model, (lw_session_options){.threads = 2});
    double seconds[2] = {-1.0, -1.0};
    for (int estimates = 0; estimates < 2; estimates++) {
        CHECK_EQUAL(lw_measure_head(r.session, 10, estimates, 2, some, &seconds[estimates]), LW_OK);
        CHECK(seconds[estimates] > 0.0 && seconds[estimates] < 60.0);
    }
    CHECK_EQUAL(lw_session_length(r.session), 0);
    CHECK_EQUAL(lw_measure_head(r.session, 0, 0, 1, some, seconds), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_measure_head(r.session, VOCAB, 0, 1, some, seconds), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_measure_head(r.session, 1, 0, 0, some, seconds), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_measure_head(r.session, 1, 0, 1, NULL, seconds), LW_ERR_ARGUMENT);
    compare(r.session, 3, 10);
    stop(r);
}

/* A dither above 7 is refused when weights are checked, and harmless when they are not. */
static void test_hostile_dither(uint8_t *file, size_t bytes) {
    lw_model model;
    uint32_t detail;
    const lw_tensor_record *tensor = (lw_tensor_record *)section_of(file, LW_TENS) + 1;
    uint8_t *end =
        (uint8_t *)section_of(file, LW_DATA) + tensor->codes_offset + tensor->codes_bytes;
    end[-1] = 8;
    fix_checksums(file, bytes);
    CHECK_EQUAL(lw_model_open(file, bytes, 1, &model, &detail), LW_ERR_TENSOR);
    CHECK_EQUAL(detail, 1);
    memset(end - PADDED, 0xff, PADDED);
    fix_checksums(file, bytes);
    CHECK_EQUAL(lw_model_open(file, bytes, 0, &model, NULL), LW_OK);
    running r = start(&model, (lw_session_options){.threads = 2});
    for (uint32_t token = 0; token < 20; token++)
        CHECK_EQUAL(lw_eval_top(r.session, &token, 1, 40, some), LW_OK);
    stop(r);
}

int main(void) {
    uint64_t random = 20260101;
    for (head_kind kind = RANDOM; kind < KINDS; kind++)
        test_kind(kind, &random);
    size_t bytes;
    uint8_t *file = build(RANDOM, &random, &bytes);
    lw_model model;
    CHECK_EQUAL(lw_model_open(file, bytes, 1, &model, NULL), LW_OK);
    test_prompt(&model);
    test_measure(&model);
    test_hostile_dither(file, bytes);
    free(file);
    test_not_finite(&random);
    return 0;
}
