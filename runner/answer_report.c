#include <stdio.h>

#include "answer.h"
#include "report.h"

static const char *reason_name(end_reason reason) {
    static const char *const names[] = {"eos", "stop", "length", "context", "interrupted"};
    return names[reason];
}

static void add_rate(text_buffer *text, const char *key, uint32_t tokens, double seconds) {
    text_format(text, ", \"%s\": ", key);
    if (tokens > 0 && seconds > 0)
        text_format(text, "%.9g", tokens / seconds);
    else
        text_format(text, "null");
}

static bool uses_two_stages(const run_writer *writer) {
    return writer->bundle->two_stages && !writer->options->full_head;
}

/* The keys of `lutwerk run --json`. */
static int report_json(const run_writer *writer, const run_answer *answer, const char *prompt,
                       size_t prompt_bytes, const text_buffer *text) {
    text_buffer json = {0};
    text_format(&json, "{\"prompt\": ");
    text_add_json(&json, prompt, prompt_bytes);
    text_format(&json, ", \"text\": ");
    text_add_json(&json, text->bytes, text->count);
    text_format(&json, ", \"tokens\": [");
    for (uint32_t i = 0; i < answer->token_count; i++)
        text_format(&json, "%s%u", i > 0 ? ", " : "", answer->tokens[i]);
    text_format(&json, "], \"finish_reason\": \"%s\", \"seed\": %llu", reason_name(answer->reason),
                (unsigned long long)writer->seed);
    text_format(&json, ", \"isa\": \"%s\", \"threads\": %u, \"context\": %u",
                lw_isa_name(writer->engine.isa), writer->engine.threads, writer->engine.context);
    text_format(&json, ", \"prompt_tokens\": %u, \"prompt_seconds\": %.9g", answer->prompt_tokens,
                answer->prompt_seconds);
    add_rate(&json, "prompt_tokens_per_second", answer->prompt_tokens, answer->prompt_seconds);
    text_format(&json, ", \"eval_tokens\": %u, \"eval_seconds\": %.9g", answer->eval_tokens,
                answer->eval_seconds);
    add_rate(&json, "eval_tokens_per_second", answer->eval_tokens, answer->eval_seconds);
    if (uses_two_stages(writer))
        text_format(&json,
                    ", \"head\": {\"tokens\": %llu, \"full\": %llu, \"survivors\": %llu, "
                    "\"candidates\": %llu}}",
                    (unsigned long long)answer->head.tokens, (unsigned long long)answer->head.full,
                    (unsigned long long)answer->head.survivors,
                    (unsigned long long)answer->head.candidates);
    else
        text_format(&json, ", \"head\": null}");
    return output_line(&json);
}

static void rate_text(uint32_t tokens, double seconds, char text[32]) {
    if (tokens > 0 && seconds > 0)
        snprintf(text, 32, "%.1f tokens/s", tokens / seconds);
    else
        snprintf(text, 32, "-");
}

static void report_words(const run_writer *writer, const run_answer *answer) {
    static const char *const ends[] = {"the model ended the text", "a stop text was reached",
                                       "the number of tokens asked for was reached", "",
                                       "it was interrupted"};
    char prompt[32], written[32], head[160] = "", context[64];
    rate_text(answer->prompt_tokens, answer->prompt_seconds, prompt);
    rate_text(answer->eval_tokens, answer->eval_seconds, written);
    if (uses_two_stages(writer)) {
        const lw_head_stats *h = &answer->head;
        const double rescored = h->tokens > h->full ? (double)(h->tokens - h->full) : 1;
        snprintf(head, sizeof head,
                 "head: %.0f rows rescored and %.0f computed in full a token, %llu of %llu tokens "
                 "by the full head; ",
                 (double)h->survivors / rescored, (double)h->candidates / rescored,
                 (unsigned long long)h->full, (unsigned long long)h->tokens);
    }
    snprintf(context, sizeof context, "the context of %u tokens is full", writer->engine.context);
    fprintf(stderr,
            "prompt: %u tokens, %s; eval: %u tokens, %s; %s%s, threads %u, seed %llu; "
            "ended because %s\n",
            answer->prompt_tokens, prompt, answer->token_count, written, head,
            lw_isa_name(writer->engine.isa), writer->engine.threads,
            (unsigned long long)writer->seed,
            answer->reason == END_CONTEXT ? context : ends[answer->reason]);
}

int answer_report(const run_writer *writer, const run_answer *answer, const char *prompt,
                  size_t prompt_bytes, const text_buffer *text) {
    if (writer->options->json)
        return report_json(writer, answer, prompt, prompt_bytes, text);
    report_words(writer, answer);
    return CODE_DONE;
}
