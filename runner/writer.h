/* Writing text: a context of tokens that grows by prompts and by answers. */
#ifndef RUNNER_WRITER_H
#define RUNNER_WRITER_H

#include "engine.h"
#include "options.h"
#include "stops.h"

/* Why an answer ended. */
typedef enum { END_EOS, END_STOP, END_LENGTH, END_CONTEXT, END_INTERRUPTED } end_reason;

typedef struct {
    end_reason reason;
    const uint32_t *tokens; /* of the answer, without the one that ends it */
    uint32_t token_count;
    uint32_t prompt_tokens; /* evaluated before the first token of the answer */
    uint32_t eval_tokens;   /* evaluated after that; the last one need not be */
    double prompt_seconds, eval_seconds;
    lw_head_stats head;
} run_answer;

typedef struct {
    const run_bundle *bundle;
    const run_options *options;
    run_engine engine;
    lw_sampling sampling;
    uint64_t seed, random; /* of the text; state of the generator */
    uint32_t end;     /* id that ends an answer besides those of the tokeniser, or UINT32_MAX */
    uint32_t *tokens; /* [context + 1] */
    uint32_t count;
    float *logits;     /* [vocab] */
    uint64_t *scratch; /* [vocab] */
    char *piece;       /* what one token can become */
    lw_text_stream stream;
    stop_filter stops;
} run_writer;

/* Takes pieces of an answer as they come: whole characters. Returns CODE_DONE, or an exit code that
 * ends the answer. */
typedef int text_sink(void *context, const char *utf8, size_t count);

/* Functions that return int return CODE_DONE, or the exit code of a fault that was reported. */
int writer_start(const run_bundle *bundle, const run_options *options, run_writer *writer);
void writer_stop(run_writer *writer);

/* Forget all tokens, and begin with the seed that was asked for or a new one. */
void writer_clear(run_writer *writer);

/* Encode UTF-8 text by flags of text.h. *ids is to be freed. */
int writer_encode(const run_writer *writer, const char *utf8, size_t bytes, uint32_t flags,
                  uint32_t **ids, size_t *count);

/* Keep the first `kept` tokens and append others, which the next answer evaluates. Fails, and
 * changes nothing, when the context has no room for them. */
int writer_replace(run_writer *writer, uint32_t kept, const uint32_t *ids, size_t count);

/* Evaluate what was added and write until something ends the answer. */
int writer_answer(run_writer *writer, text_sink *sink, void *sink_context, run_answer *answer);

#endif
