/* The time of the calling thread is counted by kind, adds up to that of the calls, and changes no
 * logit. Nothing is asserted about speed. */
#include <string.h>
#include <time.h>

#include "check.h"
#include "lutwerk/lutwerk.h"
#include "model.h"
#include "running.h"
#include "signature.h"
#include "toy_model.h"

enum {
    PROMPT = 20,
    CHUNKS = (PROMPT + TOY_CHUNK - 1) / TOY_CHUNK,
    ROUNDS = 5,
    HEAD_STAGES = 6, /* of a two-stage head */
};

static const uint32_t prompt[PROMPT] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3};
static float expected[TOY_VOCAB];
static float logits[TOY_VOCAB];

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t sum(const lw_profile *profile) {
    uint64_t all = 0;
    for (uint32_t kind = 0; kind < LW_PROFILE_KINDS; kind++) {
        CHECK(profile->count[kind] > 0 || profile->ns[kind] == 0);
        all += profile->ns[kind];
    }
    return all;
}

/* How often operation `id` is counted in a prompt of which the last token's logits are wanted. */
static uint64_t times_of(const lw_model_view *model, uint32_t id, bool two_stages) {
    uint64_t times = 0;
    for (uint32_t i = 0; i < model->conf->ops; i++) {
        if (model->ops[i].op != id)
            continue;
        if (two_stages && i + 1 == model->conf->ops)
            times += HEAD_STAGES;
        else if (i >= model->conf->head_begin)
            times++;
        else
            times += lw_find_signature(id)->tokenwise ? PROMPT : CHUNKS;
    }
    return times;
}

static void expect_counts(const lw_model_view *model, const lw_profile *profile, uint32_t threads,
                          bool two_stages) {
    for (uint32_t id = LW_PROFILE_WAITING + 1; id < LW_PROFILE_REDONE; id++) {
        const uint64_t times = times_of(model, id, two_stages);
        if (threads == 1 || !lw_find_signature(id)->tokenwise)
            CHECK_EQUAL(profile->count[id], times);
        else
            CHECK(profile->count[id] <= times);
    }
    CHECK((profile->count[LW_PROFILE_WAITING] > 0) == (threads > 1));
    CHECK(threads > 1 || profile->count[LW_PROFILE_REDONE] == 0);
    CHECK(profile->count[LW_PROFILE_TABLES] <= profile->count[LW_OP_matmul]);
}

/* How many products of one token have kernels with lookup tables. */
static uint64_t products_with_tables(const lw_model_view *view, const lw_model *model,
                                     uint32_t isa) {
    uint64_t products = 0;
    for (uint32_t i = 0; i < view->conf->ops; i++) {
        const char *name;
        if (view->ops[i].op != LW_OP_matmul)
            continue;
        CHECK_EQUAL(lw_model_get_kernel(model, view->ops[i].tensor, isa, 1, &name), LW_OK);
        products += strstr(name, "_lut_") != NULL;
    }
    return products;
}

/* Other processes may hold up a single round between two readings of the clock. */
static void test_sum(lw_session *session, lw_profile *profile) {
    uint64_t rounds_with_most = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t before = sum(profile);
        lw_session_truncate(session, 0);
        const uint64_t begin = now_ns();
        CHECK_EQUAL(lw_eval(session, prompt, PROMPT, expected, 1), LW_OK);
        const uint64_t wall = now_ns() - begin;
        const uint64_t counted = sum(profile) - before;
        CHECK(counted <= wall);
        rounds_with_most += counted > wall / 2;
    }
    CHECK(rounds_with_most > 0);
}

static void test_off(lw_session *session, const lw_profile *profile) {
    const lw_profile before = *profile;
    double seconds;
    /* the embedding, which is also the head, is the plan's first tensor */
    CHECK_EQUAL(lw_measure_product(session, 0, 1, 1, logits, &seconds), LW_OK);
    lw_session_profile(session, NULL);
    lw_session_truncate(session, 0);
    CHECK_EQUAL(lw_eval(session, prompt, PROMPT, logits, 1), LW_OK);
    CHECK(memcmp(logits, expected, sizeof logits) == 0);
    CHECK(memcmp(profile, &before, sizeof before) == 0);
}

static void test_session(const lw_model *model, lw_session_options options, toy_head head) {
    const uint32_t threads = options.threads;
    const lw_model_view view = lw_view_model(model);
    lw_profile profile = {{0}, {0}};
    const running r = start(model, options);
    lw_session *session = r.session;
    CHECK_EQUAL(lw_eval(session, prompt, PROMPT, expected, 1), LW_OK);

    lw_session_profile(session, &profile);
    lw_session_truncate(session, 0);
    CHECK_EQUAL(lw_eval(session, prompt, PROMPT, logits, 1), LW_OK);
    CHECK(memcmp(logits, expected, sizeof logits) == 0);
    expect_counts(&view, &profile, threads, false);

    memset(&profile, 0, sizeof profile);
    CHECK_EQUAL(lw_eval(session, prompt, 1, logits, 1), LW_OK);
    const uint64_t built = products_with_tables(&view, model, lw_session_isa(session));
    if (threads == 1)
        CHECK_EQUAL(profile.count[LW_PROFILE_TABLES], built);
    else
        CHECK(profile.count[LW_PROFILE_TABLES] <= built);
    memset(&profile, 0, sizeof profile);
    lw_session_truncate(session, 0);
    CHECK_EQUAL(lw_eval_top(session, prompt, PROMPT, 1, logits), LW_OK);
    expect_counts(&view, &profile, threads, head == TOY_HEAD_SPLIT);

    test_sum(session, &profile);
    test_off(session, &profile);
    stop(r);
}

int main(void) {
    for (toy_head head = TOY_HEAD_F16; head <= TOY_HEAD_SPLIT; head++) {
        size_t bytes;
        uint8_t *file = toy_model_build(7, head, &bytes);
        lw_model model;
        CHECK_EQUAL(lw_model_open(file, bytes, 1, &model, NULL), LW_OK);
        for (uint32_t isa = 0; isa < LW_ISA_COUNT; isa++)
            for (uint32_t threads = 1; lw_isa_includes(lw_cpu_isa(), isa) && threads <= 3;
                 threads++)
                test_session(&model, (lw_session_options){.threads = threads, .isa_limit = isa + 1},
                             head);
        free(file);
    }
    return 0;
}
