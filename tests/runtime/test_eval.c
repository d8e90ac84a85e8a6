/* One answer everywhere: logits do not depend on threads, instruction set, or how a prompt is
 * split. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "lutwerk/lutwerk.h"
#include "running.h"
#include "schedule.h"
#include "toy_model.h"

enum {
    PROMPT = 37,
    FEW = 8, /* tokens, up to which kernels differ by their number */
};

static uint32_t prompt[PROMPT];
static float reference[PROMPT][TOY_VOCAB];
static float logits[PROMPT][TOY_VOCAB];

/* The last `rows` of the tokens [0, count) against the reference. */
static void expect_reference(size_t count, size_t rows) {
    if (memcmp(logits, reference[count - rows], rows * sizeof *logits) == 0)
        return;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < TOY_VOCAB; i++)
            if (memcmp(&logits[r][i], &reference[count - rows + r][i], sizeof(float)) != 0) {
                fprintf(stderr, "token %zu, logit %zu: %a, expected %a\n", count - rows + r, i,
                        (double)logits[r][i], (double)reference[count - rows + r][i]);
                exit(1);
            }
}

static void compute_reference(const lw_model *model) {
    running r = start(model, (lw_session_options){.isa_limit = LW_ISA_scalar + 1});
    for (uint32_t i = 0; i < PROMPT; i++) {
        CHECK_EQUAL(lw_eval(r.session, &prompt[i], 1, reference[i], 1), LW_OK);
        CHECK_EQUAL(lw_session_length(r.session), i + 1);
    }
    stop(r);
    int distinct = 0;
    for (uint32_t i = 0; i < PROMPT; i++)
        for (uint32_t j = 0; j < TOY_VOCAB; j++) {
            CHECK(isfinite(reference[i][j]));
            distinct += reference[i][j] != reference[0][0];
        }
    CHECK(distinct > PROMPT * TOY_VOCAB * 9 / 10);
}

static void test_splits(const lw_model *model, lw_session_options options, uint64_t *random) {
    running r = start(model, options);
    CHECK_EQUAL(lw_eval(r.session, prompt, PROMPT, logits[0], PROMPT), LW_OK);
    expect_reference(PROMPT, PROMPT);
    for (int round = 0; round < 8; round++) {
        uint32_t length = random_below(random, PROMPT);
        lw_session_truncate(r.session, length);
        CHECK_EQUAL(lw_session_length(r.session), length);
        lw_session_truncate(r.session, PROMPT);
        CHECK_EQUAL(lw_session_length(r.session), length);
        while (length < PROMPT) {
            const uint32_t left = PROMPT - length;
            const uint32_t most = random_below(random, 2) == 0 && left > FEW ? FEW : left;
            const uint32_t count = 1 + random_below(random, most);
            const uint32_t rows = random_below(random, count + 1);
            CHECK_EQUAL(lw_eval(r.session, prompt + length, count, rows ? logits[0] : NULL, rows),
                        LW_OK);
            length += count;
            if (rows > 0)
                expect_reference(length, rows);
        }
    }
    stop(r);
}

static void test_faults(const lw_model *model) {
    running r = start(model, (lw_session_options){.context = 5, .threads = 2});
    const uint32_t bad[2] = {0, TOY_VOCAB};
    CHECK_EQUAL(lw_eval(r.session, prompt, 0, NULL, 0), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_eval(r.session, prompt, 1, NULL, 1), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_eval(r.session, prompt, 1, logits[0], 0), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_eval(r.session, prompt, 1, logits[0], 2), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_eval(r.session, bad, 2, logits[0], 1), LW_ERR_TOKEN);
    CHECK_EQUAL(lw_eval(r.session, prompt, 6, logits[0], 1), LW_ERR_CONTEXT);
    CHECK_EQUAL(lw_session_length(r.session), 0);
    CHECK_EQUAL(lw_eval(r.session, prompt, 5, logits[0], 5), LW_OK);
    expect_reference(5, 5);
    CHECK_EQUAL(lw_eval(r.session, prompt, 1, logits[0], 1), LW_ERR_CONTEXT);
    stop(r);

    size_t bytes;
    const lw_session_options refused[] = {{.context = TOY_CONTEXT + 1},
                                          {.threads = 257},
                                          {.isa_limit = LW_ISA_COUNT + 1},
                                          {.pin = 2}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        CHECK_EQUAL(lw_session_bytes(model, &refused[i], &bytes), LW_ERR_ARGUMENT);
}

/* The chains of the toy model's first layer, and of its head. */
static void test_schedule(const lw_model *model) {
    static const uint8_t expected[] = {
        LW_FUSED_NEVER,     /* embed */
        LW_FUSED_ALWAYS,    /* rmsnorm */
        LW_FUSED_ALWAYS,    /* quantize */
        LW_FUSED_NEVER,     /* matmul */
        LW_FUSED_NEVER,     /* rope */
        LW_FUSED_ALWAYS,    /* rope */
        LW_FUSED_ALWAYS,    /* kv_store */
        LW_FUSED_NEVER,     /* attention */
        LW_FUSED_NEVER,     /* quantize */
        LW_FUSED_NEVER,     /* matmul */
        LW_FUSED_NEVER,     /* add */
        LW_FUSED_ONE_TOKEN, /* rmsnorm, over what add reads with another stride */
    };
    uint8_t fused[TOY_OPS + 1];
    const lw_model_view view = lw_view_model(model);
    lw_schedule(&view, fused);
    CHECK(memcmp(fused, expected, sizeof expected) == 0);
    /* The head's first operation is token-wise, and so is the one before, but they cover other
     * tokens. */
    CHECK_EQUAL(fused[view.conf->head_begin], LW_FUSED_NEVER);
}

/* Products of every tensor that the plan multiplies by; the context is as before. */
static void test_measure(const lw_model *model, lw_session_options options) {
    running r = start(model, options);
    lw_model_info info;
    lw_model_get_info(model, &info);
    CHECK_EQUAL(lw_eval(r.session, prompt, PROMPT - 1, NULL, 0), LW_OK);
    uint32_t measured = 0;
    for (uint32_t i = 0; i < info.tensors; i++) {
        lw_tensor_info tensor;
        double seconds = -1.0;
        CHECK_EQUAL(lw_model_get_tensor(model, i, &tensor), LW_OK);
        const lw_status status =
            lw_measure_product(r.session, i, 1 + i % TOY_CHUNK, 2, logits[0], &seconds);
        const bool head = tensor.rows == TOY_VOCAB;
        const char *one;
        CHECK_EQUAL(lw_model_get_kernel(model, i, LW_ISA_scalar, 1, &one), LW_OK);
        CHECK_EQUAL(status, one || head ? LW_OK : LW_ERR_ARGUMENT);
        CHECK(status == LW_OK ? seconds > 0.0 && seconds < 60.0 : seconds < 0.0);
        if (head)
            CHECK_EQUAL(lw_measure_product(r.session, i, 1, 1, NULL, &seconds), LW_ERR_ARGUMENT);
        measured += status == LW_OK;
    }
    CHECK(measured > 2);
    double seconds;
    CHECK_EQUAL(lw_measure_product(r.session, info.tensors, 1, 1, logits[0], &seconds),
                LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_measure_product(r.session, 0, TOY_CHUNK + 1, 1, logits[0], &seconds),
                LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_measure_product(r.session, 0, 1, 0, logits[0], &seconds), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_eval(r.session, &prompt[PROMPT - 1], 1, logits[0], 1), LW_OK);
    expect_reference(PROMPT, 1);
    stop(r);
}

static void test_model(toy_head head, uint64_t *random) {
    size_t bytes;
    uint8_t *file = toy_model_build(7, head, &bytes);
    lw_model model;
    CHECK_EQUAL(lw_model_open(file, bytes, 1, &model, NULL), LW_OK);
    test_schedule(&model);
    compute_reference(&model);
    for (uint32_t isa = 0; isa < LW_ISA_COUNT; isa++)
        for (uint32_t threads = 1; lw_isa_includes(lw_cpu_isa(), isa) && threads <= 4; threads++) {
            const lw_session_options options = {
                .threads = threads, .isa_limit = isa + 1, .pin = threads == 2};
            test_splits(&model, options, random);
            test_measure(&model, options);
        }
    test_faults(&model);
    free(file);
}

int main(void) {
    uint64_t random = 20250101;
    for (uint32_t i = 0; i < PROMPT; i++)
        prompt[i] = random_below(&random, TOY_VOCAB);
    for (toy_head head = TOY_HEAD_F16; head <= TOY_HEAD_SPLIT; head++)
        test_model(head, &random);
    return 0;
}
