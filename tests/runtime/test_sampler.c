/* lw_sample against its definition in lutwerk.h. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "lutwerk/lutwerk.h"

enum { VOCAB = 1000, DRAWS = 200000 };

static float logits[VOCAB];
static uint64_t scratch[VOCAB];

static const lw_sampling plain = {.temperature = 1.0f, .top_p = 1.0f, .repeat_penalty = 1.0f};

static uint32_t sample(const float *values, uint32_t vocab, lw_sampling sampling, uint64_t *state) {
    uint32_t token = UINT32_MAX;
    memcpy(logits, values, vocab * sizeof *values);
    CHECK_EQUAL(lw_sample(logits, vocab, &sampling, NULL, 0, state, scratch, &token), LW_OK);
    CHECK(token < vocab);
    return token;
}

static void test_greedy(void) {
    lw_sampling greedy = plain;
    greedy.temperature = 0.0f;
    uint64_t state = 5;
    CHECK_EQUAL(sample((float[]){1, 3, -2, 3}, 4, greedy, &state), 1);
    CHECK_EQUAL(sample((float[]){-0.0f, 0.0f}, 2, greedy, &state), 0);
    CHECK_EQUAL(sample((float[]){NAN, -INFINITY, -1e30f}, 3, greedy, &state), 2);
    CHECK_EQUAL(sample((float[]){NAN, 1, INFINITY}, 3, greedy, &state), 2);
    CHECK_EQUAL(sample((float[]){NAN, NAN}, 2, greedy, &state), 0);
    CHECK_EQUAL(sample((float[]){-7}, 1, greedy, &state), 0);
}

static void test_repeat_penalty(void) {
    lw_sampling sampling = plain;
    sampling.temperature = 0.0f;
    sampling.repeat_penalty = 2.0f;
    const uint32_t recent[] = {1, 0, 1, 1, 2};
    float values[] = {-1.0f, 3.0f, 4.0f, 1.75f};
    uint64_t state = 0;
    uint32_t token;
    CHECK_EQUAL(lw_sample(values, 4, &sampling, recent, 5, &state, scratch, &token), LW_OK);
    /* Token 1 is penalised once although it occurs three times; negative logits fall. */
    CHECK(values[0] == -2.0f && values[1] == 1.5f && values[2] == 2.0f && values[3] == 1.75f);
    CHECK_EQUAL(token, 2);
}

/* Draw often; frequencies must lie within 6 standard deviations of p (false alarm below 1e-8 each).
 */
static void expect_distribution(const float *values, uint32_t vocab, lw_sampling sampling,
                                const double *p) {
    static uint32_t counts[VOCAB];
    memset(counts, 0, sizeof counts);
    uint64_t state = 42;
    for (int i = 0; i < DRAWS; i++)
        counts[sample(values, vocab, sampling, &state)]++;
    for (uint32_t i = 0; i < vocab; i++) {
        const double tolerance = 6 * sqrt(DRAWS * p[i] * (1 - p[i]));
        if (fabs(counts[i] - DRAWS * p[i]) > tolerance) {
            fprintf(stderr, "token %u: %u draws, expected %.0f +- %.0f\n", i, counts[i],
                    DRAWS * p[i], tolerance);
            exit(1);
        }
    }
}

static void test_distribution(void) {
    /* Probabilities 0.1, 0.4, 0.2, 0.05, 0.25. */
    const float values[] = {logf(0.1f), logf(0.4f), logf(0.2f), logf(0.05f), logf(0.25f)};
    lw_sampling s = plain;
    expect_distribution(values, 5, s, (double[]){0.1, 0.4, 0.2, 0.05, 0.25});
    s.temperature = 0.5f; /* squares the odds */
    const double squares = 0.01 + 0.16 + 0.04 + 0.0025 + 0.0625;
    expect_distribution(values, 5, s,
                        (double[]){0.01 / squares, 0.16 / squares, 0.04 / squares, 0.0025 / squares,
                                   0.0625 / squares});
    s = plain;
    s.top_k = 3;
    expect_distribution(values, 5, s, (double[]){0, 0.4 / 0.85, 0.2 / 0.85, 0, 0.25 / 0.85});
    s = plain;
    s.top_p = 0.6f; /* 0.4 is too little, 0.4 + 0.25 reaches it */
    expect_distribution(values, 5, s, (double[]){0, 0.4 / 0.65, 0, 0, 0.25 / 0.65});
    s.top_k = 2; /* of the two kept, 0.4 / 0.65 = 0.615 already reaches 0.6 */
    expect_distribution(values, 5, s, (double[]){0, 1, 0, 0, 0});
    s = plain;
    s.min_p = 0.45f; /* drops what is below 0.18 */
    expect_distribution(values, 5, s, (double[]){0, 0.4 / 0.85, 0.2 / 0.85, 0, 0.25 / 0.85});
    s.top_p = 0.5f;
    expect_distribution(values, 5, s, (double[]){0, 0.4 / 0.65, 0, 0, 0.25 / 0.65});
}

static int descending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* Over a large random vocabulary every draw is among the k greatest, and all of these are drawn. */
static void test_top_k_members(uint64_t *random) {
    static float values[VOCAB], sorted[VOCAB];
    for (uint32_t k = 1; k <= 64; k *= 4) {
        for (uint32_t i = 0; i < VOCAB; i++)
            values[i] = random_float(random);
        memcpy(sorted, values, sizeof sorted);
        qsort(sorted, VOCAB, sizeof *sorted, descending);
        bool drawn[VOCAB] = {false};
        uint32_t distinct = 0;
        uint64_t state = k;
        lw_sampling s = plain;
        s.top_k = k;
        for (int i = 0; i < 3000; i++) {
            const uint32_t token = sample(values, VOCAB, s, &state);
            CHECK(values[token] >= sorted[k - 1]);
            distinct += !drawn[token];
            drawn[token] = true;
        }
        CHECK_EQUAL(distinct, k);
    }
}

/* With all but the k greatest logits ruled out, the same tokens are drawn; with all, any token. */
static void test_ruled_out(uint64_t *random) {
    static float values[VOCAB], left[VOCAB], sorted[VOCAB];
    for (uint32_t i = 0; i < VOCAB; i++)
        values[i] = 5.0f * random_float(random);
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, VOCAB, sizeof *sorted, descending);
    for (uint32_t k = 1; k <= 64; k *= 4) {
        for (uint32_t i = 0; i < VOCAB; i++)
            left[i] = values[i] >= sorted[k - 1] ? values[i] : -INFINITY;
        lw_sampling s = plain;
        s.top_k = k;
        s.top_p = 0.9f;
        s.min_p = 0.01f;
        uint64_t a = k, b = k;
        for (int i = 0; i < 300; i++)
            CHECK_EQUAL(sample(left, VOCAB, s, &b), sample(values, VOCAB, s, &a));
    }
    for (uint32_t i = 0; i < VOCAB; i++)
        left[i] = -INFINITY;
    uint64_t state = 3;
    lw_sampling greedy = plain;
    greedy.temperature = 0.0f;
    CHECK_EQUAL(sample(left, VOCAB, greedy, &state), 0);
    uint32_t beyond = 0;
    for (int i = 0; i < 100; i++)
        beyond += sample(left, VOCAB, plain, &state) >= VOCAB / 2;
    CHECK(beyond > 10 && beyond < 90);
}

static void test_seed(uint64_t *random) {
    static float values[VOCAB];
    for (uint32_t i = 0; i < VOCAB; i++)
        values[i] = random_float(random);
    uint64_t a = 9, b = 9, c = 10;
    uint32_t differ = 0;
    for (int i = 0; i < 100; i++) {
        const uint32_t token = sample(values, VOCAB, plain, &a);
        CHECK_EQUAL(sample(values, VOCAB, plain, &b), token);
        differ += sample(values, VOCAB, plain, &c) != token;
        CHECK(a == b);
    }
    CHECK(differ > 90);
    /* The first state of SplitMix64 from seed 0 is its increment: one draw was made. */
    uint64_t state = 0;
    sample(values, VOCAB, plain, &state);
    CHECK(state == UINT64_C(0x9E3779B97F4A7C15));
}

static void test_faults(void) {
    static const lw_sampling refused[] = {
        {.temperature = -1, .top_p = 1, .repeat_penalty = 1},
        {.temperature = NAN, .top_p = 1, .repeat_penalty = 1},
        {.temperature = INFINITY, .top_p = 1, .repeat_penalty = 1},
        {.temperature = 1, .top_p = 1.5f, .repeat_penalty = 1},
        {.temperature = 1, .top_p = 1, .min_p = -0.1f, .repeat_penalty = 1},
        {.temperature = 1, .top_p = 1, .repeat_penalty = 0},
    };
    uint64_t state = 3;
    uint32_t token = 77;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        CHECK_EQUAL(lw_sample(logits, 4, &refused[i], NULL, 0, &state, scratch, &token),
                    LW_ERR_ARGUMENT);
    const uint32_t outside = 4;
    CHECK_EQUAL(lw_sample(logits, 4, &plain, &outside, 1, &state, scratch, &token),
                LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_sample(logits, 0, &plain, NULL, 0, &state, scratch, &token), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_sample(logits, 4, &plain, NULL, 1, &state, scratch, &token), LW_ERR_ARGUMENT);
    CHECK(state == 3 && token == 77);
}

int main(void) {
    uint64_t random = 1;
    test_greedy();
    test_repeat_penalty();
    test_distribution();
    test_top_k_members(&random);
    test_ruled_out(&random);
    test_seed(&random);
    test_faults();
    return 0;
}
