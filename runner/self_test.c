#include "self_test.h"

#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "output.h"
#include "report.h"
#include "sha256.h"

/* Tokens evaluated at once: enough for the kernels of prompts, and their logits fit into the memory
 * of small devices. */
enum { TOKENS_AT_ONCE = 16 };

typedef struct {
    const char *name;
    uint32_t isa, threads, at_once;
    bool ok;
    char digest[2 * SHA256_BYTES + 1];
} test_run;

/* The hash of the golden tokens' logits on one instruction set; bits may not depend on at_once. */
static int hash_logits(const run_bundle *bundle, const uint32_t *tokens, uint32_t count,
                       uint32_t isa_limit, test_run *run) {
    run_engine engine;
    const engine_options wanted = {
        .context = count, .threads = run->threads, .isa_limit = isa_limit};
    int code = engine_start(bundle, &wanted, &engine);
    if (code != CODE_DONE)
        return code;
    run->isa = engine.isa;
    run->threads = engine.threads;
    const size_t vocab = bundle->info.vocab;
    float *logits = calloc(run->at_once * vocab, sizeof *logits);
    if (!logits)
        code = fail(CODE_MISFIT,
                    "not enough memory for the logits of %u tokens; close other "
                    "programs",
                    run->at_once);
    sha256 hash;
    sha256_start(&hash);
    for (uint32_t at = 0; at < count && code == CODE_DONE; at += run->at_once) {
        const uint32_t rows = count - at < run->at_once ? count - at : run->at_once;
        const lw_status status = lw_eval(engine.session, tokens + at, rows, logits, rows);
        if (status != LW_OK)
            code = bundle_fault(bundle, status, UINT32_MAX);
        else
            sha256_add(&hash, logits, rows * vocab * sizeof *logits);
    }
    uint8_t digest[SHA256_BYTES];
    sha256_end(&hash, digest);
    sha256_text(digest, run->digest);
    free(logits);
    engine_stop(&engine);
    return code;
}

static int print_words(const run_bundle *bundle, const test_run *runs, size_t count,
                       const char *expected) {
    text_buffer text = {0};
    text_format(&text, "ok      %s: all checksums\n", bundle->path);
    for (size_t i = 0; i < count; i++)
        text_format(&text, "%s  %s: %s, threads %u\n", runs[i].ok ? "ok    " : "FAILED",
                    runs[i].name, lw_isa_name(runs[i].isa), runs[i].threads);
    text_format(&text, "golden logits: sha256 %s", expected);
    return output_line(&text);
}

static int print_json(const run_bundle *bundle, const test_run *runs, size_t count,
                      const char *expected, bool ok) {
    text_buffer text = {0};
    text_format(&text, "{\"ok\": %s, \"model\": ", ok ? "true" : "false");
    text_add_json(&text, bundle->name, strlen(bundle->name));
    text_format(&text, ", \"expected_sha256\": \"%s\", \"runs\": [", expected);
    for (size_t i = 0; i < count; i++)
        text_format(&text,
                    "%s{\"name\": \"%s\", \"ok\": %s, \"isa\": \"%s\", \"threads\": %u, "
                    "\"logits_sha256\": \"%s\"}",
                    i > 0 ? ", " : "", runs[i].name, runs[i].ok ? "true" : "false",
                    lw_isa_name(runs[i].isa), runs[i].threads, runs[i].digest);
    text_format(&text, "]}");
    return output_line(&text);
}

static int test_bundle(const run_bundle *bundle, const run_options *options) {
    test_run runs[] = {
        {.name = "prompt", .threads = options->threads, .at_once = TOKENS_AT_ONCE},
        {.name = "token by token", .threads = options->threads, .at_once = 1},
    };
    const size_t count = sizeof runs / sizeof *runs;
    const uint32_t *tokens;
    const uint8_t *digest;
    uint32_t token_count, isa_limit;
    char expected[2 * SHA256_BYTES + 1];
    lw_model_get_golden(&bundle->model, &tokens, &token_count, &digest);
    sha256_text(digest, expected);
    int code = engine_isa_limit(&isa_limit);
    const test_run *wrong = NULL;
    for (size_t i = 0; i < count && code == CODE_DONE; i++) {
        code = hash_logits(bundle, tokens, token_count, isa_limit, &runs[i]);
        runs[i].ok = strcmp(runs[i].digest, expected) == 0;
        wrong = runs[i].ok || wrong ? wrong : &runs[i];
    }
    if (code == CODE_DONE)
        code = options->json ? print_json(bundle, runs, count, expected, !wrong)
                             : print_words(bundle, runs, count, expected);
    if (code == CODE_DONE && wrong)
        code =
            fail(CODE_WRONG,
                 "the self-test (%s, %s) gave logits %s, expected %s: this device computes wrong "
                 "results; try LUTWERK_ISA=scalar, and report it with the output of --info",
                 wrong->name, lw_isa_name(wrong->isa), wrong->digest, expected);
    return code;
}

int self_test_main(const run_options *options) {
    run_bundle bundle;
    int code = bundle_open(options->model, true, false, &bundle);
    if (code != CODE_DONE)
        return code;
    code = test_bundle(&bundle, options);
    bundle_close(&bundle);
    return code;
}
