#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "engine.h"
#include "output.h"
#include "report.h"

/* One line of the table: `prompt` tokens at once, or `generated` tokens one by one. */
typedef struct {
    uint32_t prompt, generated;
    double mean, deviation;
    double *samples; /* [repetitions], tokens per second */
    lw_head_stats head;
} bench_row;

/* One seed for all: the speed of some kernels depends on the data, and runs must be comparable. */
static void random_tokens(uint32_t *tokens, uint32_t count, uint32_t vocab) {
    uint64_t state = 0x9E3779B97F4A7C15;
    for (uint32_t i = 0; i < count; i++) {
        state = state * 6364136223846793005 + 1442695040888963407; /* Knuth, MMIX */
        tokens[i] = (uint32_t)((state >> 32) * vocab >> 32);
    }
}

static lw_status evaluate(lw_session *session, const uint32_t *tokens, const bench_row *row,
                          const uint32_t *top, float *logits) {
    if (row->prompt > 0)
        return lw_eval(session, tokens, row->prompt, logits, 1);
    lw_status status = LW_OK;
    for (uint32_t i = 0; i < row->generated && status == LW_OK; i++)
        status = top ? lw_eval_top(session, tokens + i, 1, *top, logits)
                     : lw_eval(session, tokens + i, 1, logits, 1);
    return status;
}

/* The first run warms up and is dropped. */
static int measure(const run_bundle *bundle, const run_options *options, lw_session *session,
                   bench_row *row) {
    const uint32_t count = row->prompt + row->generated, vocab = bundle->info.vocab;
    const bool two_stages = bundle->two_stages && !options->full_head && row->generated > 0;
    const uint32_t top = options->top_k < vocab ? options->top_k : vocab;
    uint32_t *tokens = calloc(count, sizeof *tokens);
    float *logits = calloc(vocab, sizeof *logits);
    int code = CODE_DONE;
    if (!tokens || !logits)
        code = fail(CODE_MISFIT, "not enough memory for %u tokens; give fewer", count);
    else
        random_tokens(tokens, count, vocab);
    double sum = 0;
    for (uint32_t i = 0; i <= options->repetitions && code == CODE_DONE; i++) {
        lw_session_truncate(session, 0);
        const double began = seconds_now();
        const lw_status status = evaluate(session, tokens, row, two_stages ? &top : NULL, logits);
        const double seconds = seconds_now() - began;
        if (status != LW_OK)
            code = bundle_fault(bundle, status, UINT32_MAX);
        if (i > 0)
            sum += row->samples[i - 1] = count / seconds;
    }
    lw_session_head_stats(session, &row->head);
    row->mean = sum / options->repetitions;
    double squares = 0;
    for (uint32_t i = 0; i < options->repetitions; i++)
        squares += (row->samples[i] - row->mean) * (row->samples[i] - row->mean);
    row->deviation = options->repetitions > 1 ? sqrt(squares / (options->repetitions - 1)) : 0;
    free(tokens);
    free(logits);
    return code;
}

static const char *count_text(uint64_t count, char text[32]) {
    static const struct {
        double limit;
        const char *unit;
    } units[] = {{1e9, "B"}, {1e6, "M"}, {1e3, "K"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if ((double)count >= units[i].limit) {
            snprintf(text, 32, "%.2f %s", (double)count / units[i].limit, units[i].unit);
            return text;
        }
    snprintf(text, 32, "%u", (unsigned)count);
    return text;
}

static int print_table_row(const run_bundle *bundle, const run_engine *engine,
                           const bench_row *row) {
    text_buffer line = {0};
    char params[32], test[32], speed[64];
    snprintf(test, sizeof test, "%s%u", row->prompt ? "pp" : "tg", row->prompt + row->generated);
    snprintf(speed, sizeof speed, "%.2f ± %.2f", row->mean, row->deviation);
    /* One more than the column: the sign takes two bytes. */
    text_format(&line, "| %-30s | %10s | %8s | %7s | %7u | %7s | %21s |",
                bundle->name[0] ? bundle->name : "-", size_text(bundle->info.weight_bytes),
                count_text(bundle_parameters(bundle), params), lw_isa_name(engine->isa),
                engine->threads, test, speed);
    return output_line(&line);
}

/* The keys of `lutwerk bench -o json`. */
static int print_json_row(const run_bundle *bundle, const run_options *options,
                          const run_engine *engine, const bench_row *row) {
    text_buffer line = {0};
    text_format(&line, "{\"model\": ");
    text_add_json(&line, bundle->name, strlen(bundle->name));
    text_format(&line, ", \"model_size\": %llu, \"model_n_params\": %llu, \"target\": ",
                (unsigned long long)bundle->info.weight_bytes,
                (unsigned long long)bundle_parameters(bundle));
    text_add_json(&line, bundle->target, strlen(bundle->target));
    text_format(&line,
                ", \"isa\": \"%s\", \"n_threads\": %u, \"test\": \"%s%u\", \"n_prompt\": %u, "
                "\"n_gen\": %u, \"avg_ts\": %.9g, \"stddev_ts\": %.9g, \"samples_ts\": [",
                lw_isa_name(engine->isa), engine->threads, row->prompt ? "pp" : "tg",
                row->prompt + row->generated, row->prompt, row->generated, row->mean,
                row->deviation);
    for (uint32_t i = 0; i < options->repetitions; i++)
        text_format(&line, "%s%.9g", i > 0 ? ", " : "", row->samples[i]);
    if (bundle->two_stages && !options->full_head && row->generated > 0)
        text_format(&line,
                    "], \"head\": {\"tokens\": %llu, \"full\": %llu, \"survivors\": %llu, "
                    "\"candidates\": %llu}}",
                    (unsigned long long)row->head.tokens, (unsigned long long)row->head.full,
                    (unsigned long long)row->head.survivors,
                    (unsigned long long)row->head.candidates);
    else
        text_format(&line, "], \"head\": null}");
    return output_line(&line);
}

static int run_test(const run_bundle *bundle, const run_options *options, uint32_t threads,
                    bench_row *row) {
    run_engine engine;
    const engine_options wanted = {
        .context = row->prompt + row->generated, .threads = threads, .pin = options->pin};
    int code = engine_start(bundle, &wanted, &engine);
    if (code != CODE_DONE)
        return code;
    code = measure(bundle, options, engine.session, row);
    if (code == CODE_DONE)
        code = strcmp(options->output, "json") == 0 ? print_json_row(bundle, options, &engine, row)
                                                    : print_table_row(bundle, &engine, row);
    engine_stop(&engine);
    return code;
}

/* Said before the table begins, and by the names of this mode's options. */
static int check_lengths(const run_bundle *bundle, const number_list *tests[2]) {
    for (int kind = 0; kind < 2; kind++)
        for (uint32_t i = 0; i < tests[kind]->count; i++)
            if (tests[kind]->values[i] > bundle->info.max_context)
                return fail(CODE_FAILED,
                            "a test of %u tokens exceeds the context of %u that this model has; "
                            "give a smaller -%c",
                            tests[kind]->values[i], bundle->info.max_context,
                            kind == 0 ? 'p' : 'n');
    return CODE_DONE;
}

static int print_heading(void) {
    static const char heading[] =
        "| model                          |       size |   params |     isa | threads |    test | "
        "                 t/s |\n"
        "| ------------------------------ | ---------: | -------: | ------: | ------: | ------: | "
        "-------------------: |\n";
    return output_write(heading, sizeof heading - 1);
}

int bench_main(const run_bundle *bundle, const run_options *options) {
    const number_list automatic = {1, {0}};
    const number_list *threads =
        options->bench_threads.count ? &options->bench_threads : &automatic;
    const number_list *tests[2] = {&options->bench_prompts, &options->bench_generated};
    double *samples = calloc(options->repetitions, sizeof *samples);
    if (!samples)
        return fail(CODE_MISFIT, "not enough memory for %u repetitions; give fewer",
                    options->repetitions);
    bool any = false;
    int code = check_lengths(bundle, tests);
    if (code == CODE_DONE && strcmp(options->output, "md") == 0)
        code = print_heading();
    for (uint32_t t = 0; t < threads->count; t++)
        for (int kind = 0; kind < 2; kind++)
            for (uint32_t i = 0; i < tests[kind]->count && code == CODE_DONE; i++) {
                const uint32_t count = tests[kind]->values[i];
                bench_row row = {.samples = samples};
                *(kind == 0 ? &row.prompt : &row.generated) = count;
                any = any || count > 0;
                if (count > 0)
                    code = run_test(bundle, options, threads->values[t], &row);
            }
    free(samples);
    if (code == CODE_DONE && !any)
        code = fail(CODE_USAGE, "no test is left; give -p or -n above 0");
    return code;
}
