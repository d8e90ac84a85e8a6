#include "writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "clock.h"
#include "interrupt.h"
#include "report.h"

/* Tokens back from the end to which the repeat penalty applies, as in llama.cpp (penalty_last_n).
 */
enum { PENALTY_WINDOW = 64 };
/* Divided by it, no logit of a real model overflows. */
#define LEAST_TEMPERATURE 1e-6

static int short_of_memory(const char *what) {
    return fail(CODE_MISFIT, "not enough memory for %s; close other programs, or give a smaller -c",
                what);
}

int writer_start(const run_bundle *bundle, const run_options *options, run_writer *writer) {
    memset(writer, 0, sizeof *writer);
    writer->bundle = bundle;
    writer->options = options;
    writer->stops.stops = &options->stops;
    writer->end = UINT32_MAX;
    writer->sampling = (lw_sampling){
        .temperature = (float)options->temperature,
        .top_k = options->top_k,
        .top_p = (float)options->top_p,
        .min_p = (float)options->min_p,
        .repeat_penalty = (float)options->repeat_penalty,
    };
    if (!bundle->has_text)
        return fail(CODE_FAILED,
                    "%s: has no tables for the tokeniser, so this program cannot read or write "
                    "text with it; compile it again without --no-device-tokenizer, or use --bench",
                    bundle->path);
    const engine_options wanted = {
        .context = options->context, .threads = options->threads, .pin = options->pin};
    const int code = engine_start(bundle, &wanted, &writer->engine);
    if (code != CODE_DONE)
        return code;
    const size_t vocab = bundle->info.vocab;
    const size_t piece = bundle->text_info.piece_bytes + 16; /* lw_text_finish writes up to 12 */
    writer->tokens = calloc((size_t)writer->engine.context + 1, sizeof *writer->tokens);
    writer->logits = calloc(vocab, sizeof *writer->logits);
    writer->scratch = calloc(vocab, sizeof *writer->scratch);
    writer->piece = malloc(piece);
    if (!writer->tokens || !writer->logits || !writer->scratch || !writer->piece) {
        writer_stop(writer);
        return short_of_memory("the tokens and logits");
    }
    writer_clear(writer);
    return CODE_DONE;
}

void writer_stop(run_writer *writer) {
    engine_stop(&writer->engine);
    free(writer->tokens);
    free(writer->logits);
    free(writer->scratch);
    free(writer->piece);
    free(writer->stops.held.bytes);
}

/* A seed that nobody asked for is short, since people copy it. */
static uint64_t new_seed(void) {
    uint32_t seed;
    if (getrandom(&seed, sizeof seed, 0) == sizeof seed)
        return seed;
    note("the system gives no random numbers; the seed is the time");
    return (uint64_t)time(NULL);
}

void writer_clear(run_writer *writer) {
    writer->seed = writer->options->seed_text ? writer->options->seed : new_seed();
    writer->count = 0;
    lw_session_truncate(writer->engine.session, 0);
    lw_text_start(&writer->bundle->text, &writer->stream, 0);
}

int writer_encode(const run_writer *writer, const char *utf8, size_t bytes, uint32_t flags,
                  uint32_t **ids, size_t *count) {
    const lw_text *text = &writer->bundle->text;
    const size_t scratch_bytes = lw_text_scratch_bytes(text, bytes);
    *ids = NULL;
    if (scratch_bytes == SIZE_MAX)
        return fail(CODE_FAILED, "the text of %zu bytes is too long to encode; give less", bytes);
    void *scratch = malloc(scratch_bytes + 1);
    size_t capacity = bytes / 2 + 64;
    lw_status status = LW_OK;
    for (*count = capacity + 1; scratch && *count > capacity && status == LW_OK;) {
        capacity = *ids ? *count : capacity;
        free(*ids);
        *ids = malloc(capacity * sizeof **ids);
        if (!*ids)
            break;
        status =
            lw_text_encode(text, utf8, bytes, flags, scratch, scratch_bytes, *ids, capacity, count);
    }
    free(scratch);
    if (status != LW_OK || !*ids || *count > capacity) {
        free(*ids);
        *ids = NULL;
        return status == LW_OK ? short_of_memory("the tokens of the text")
                               : bundle_fault(writer->bundle, status, UINT32_MAX);
    }
    return CODE_DONE;
}

int writer_replace(run_writer *writer, uint32_t kept, const uint32_t *ids, size_t count) {
    const uint32_t context = writer->engine.context;
    const uint32_t most = writer->bundle->info.max_context;
    if (kept > context || count > context - kept) {
        if (kept == 0)
            return fail(CODE_FAILED,
                        "the prompt has %zu tokens, but the context holds %u; shorten the prompt "
                        "or give a greater -c (this model allows %u)",
                        count, context, most);
        return fail(CODE_FAILED,
                    "the conversation has %u tokens, and %zu more do not fit into the context of "
                    "%u; start again, with a greater -c (this model allows %u)",
                    kept, count, context, most);
    }
    memcpy(writer->tokens + kept, ids, count * sizeof *ids);
    lw_session_truncate(writer->engine.session, kept);
    /* What is decoded later follows this text. */
    uint32_t decoded = writer->count;
    if (kept < decoded) {
        lw_text_start(&writer->bundle->text, &writer->stream, 0);
        decoded = 0;
    }
    writer->count = kept + (uint32_t)count;
    for (; decoded < writer->count; decoded++)
        lw_text_feed(&writer->bundle->text, &writer->stream, writer->tokens[decoded], 0,
                     writer->piece);
    return CODE_DONE;
}

static const uint32_t *recent_tokens(const run_writer *writer, uint32_t *count) {
    *count = writer->count < PENALTY_WINDOW ? writer->count : PENALTY_WINDOW;
    return writer->tokens + writer->count - *count;
}

static uint32_t count_distinct(const uint32_t *tokens, uint32_t count) {
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t j = 0;
        while (tokens[j] != tokens[i])
            j++;
        distinct += j == i;
    }
    return distinct;
}

/* How many of the greatest logits decide the choice, whatever they are; 0 when all do. The sampler
 * reorders tokens only by the repeat penalty: one above 1 lets recent tokens fall, so that as many
 * more are needed; one below 1 lets tokens rise from anywhere. Tokens that end the text and are
 * ignored need others in their place. Dividing by a minute temperature makes all logits infinite,
 * and so equal. */
static uint32_t logits_needed(const run_writer *writer) {
    const run_options *o = writer->options;
    const uint32_t kept = o->temperature == 0 ? 1 : o->top_k;
    if (kept == 0 || o->repeat_penalty < 1 ||
        (o->temperature > 0 && o->temperature < LEAST_TEMPERATURE))
        return 0;
    uint64_t needed = kept;
    if (o->repeat_penalty > 1) {
        uint32_t count;
        const uint32_t *recent = recent_tokens(writer, &count);
        needed += count_distinct(recent, count);
    }
    if (o->ignore_eos)
        needed += writer->bundle->text_info.eos_count + 1;
    const uint32_t vocab = writer->bundle->info.vocab;
    return needed < vocab ? (uint32_t)needed : vocab;
}

static int evaluate_last(run_writer *writer, const uint32_t *ids, size_t count) {
    lw_session *session = writer->engine.session;
    const bool two_stages = writer->bundle->two_stages && !writer->options->full_head;
    const lw_status status =
        two_stages ? lw_eval_top(session, ids, count, logits_needed(writer), writer->logits)
                   : lw_eval(session, ids, count, writer->logits, 1);
    return status == LW_OK ? CODE_DONE : bundle_fault(writer->bundle, status, UINT32_MAX);
}

/* Evaluate what the session has not seen, chunk by chunk, so that Ctrl-C is answered between two.
 */
static int evaluate_added(run_writer *writer, run_answer *answer) {
    const double began = seconds_now();
    lw_session *session = writer->engine.session;
    const uint32_t chunk = writer->bundle->info.chunk;
    uint32_t at = lw_session_length(session);
    answer->prompt_tokens = writer->count - at;
    while (writer->count - at > chunk && !interrupt_asked()) {
        const lw_status status = lw_eval(session, writer->tokens + at, chunk, NULL, 0);
        if (status != LW_OK)
            return bundle_fault(writer->bundle, status, UINT32_MAX);
        at += chunk;
    }
    int code = CODE_DONE;
    if (!interrupt_asked())
        code = evaluate_last(writer, writer->tokens + at, writer->count - at);
    answer->prompt_seconds = seconds_now() - began;
    return code;
}

static bool is_end(const run_writer *writer, uint32_t token) {
    const lw_text_info *info = &writer->bundle->text_info;
    if (token == writer->end)
        return true;
    for (uint32_t i = 0; i < info->eos_count; i++)
        if (info->eos[i] == token)
            return true;
    return false;
}

/* Choose a token and append it. Sets *ended when the model ends the text instead. */
static int choose(run_writer *writer, bool *ended) {
    const lw_text_info *info = &writer->bundle->text_info;
    uint32_t count, token;
    const uint32_t *recent = recent_tokens(writer, &count);
    if (writer->options->ignore_eos) {
        for (uint32_t i = 0; i < info->eos_count; i++)
            writer->logits[info->eos[i]] = -INFINITY;
        if (writer->end != UINT32_MAX)
            writer->logits[writer->end] = -INFINITY;
    }
    const lw_status status =
        lw_sample(writer->logits, writer->bundle->info.vocab, &writer->sampling, recent, count,
                  &writer->random, writer->scratch, &token);
    if (status != LW_OK)
        return bundle_fault(writer->bundle, status, UINT32_MAX);
    *ended = !writer->options->ignore_eos && is_end(writer, token);
    if (!*ended)
        writer->tokens[writer->count++] = token;
    return CODE_DONE;
}

/* Hand on what cannot belong to a stop text. */
static int deliver(run_writer *writer, size_t count, text_sink *sink, void *sink_context) {
    stop_filter *stops = &writer->stops;
    const size_t certain = stops_feed(stops, writer->piece, count);
    if (stops->held.short_of_memory)
        return short_of_memory("the text");
    const int code = certain > 0 ? sink(sink_context, stops->held.bytes, certain) : CODE_DONE;
    stops_drop(stops, certain);
    return code;
}

/* One token after the other. Sets answer->reason. */
static int write_tokens(run_writer *writer, text_sink *sink, void *sink_context,
                        run_answer *answer) {
    const run_options *options = writer->options;
    const lw_text *text = &writer->bundle->text;
    const uint32_t first = writer->count;
    for (;;) {
        const bool enough =
            options->predict >= 0 && (int64_t)(writer->count - first) == options->predict;
        answer->reason = END_LENGTH;
        if (enough)
            return CODE_DONE;
        const double chosen = seconds_now();
        bool ended = false;
        int code = choose(writer, &ended);
        answer->eval_seconds += seconds_now() - chosen;
        answer->reason = END_EOS;
        if (code != CODE_DONE || ended)
            return code;
        const uint32_t *token = writer->tokens + writer->count - 1;
        code = deliver(writer, lw_text_feed(text, &writer->stream, *token, 0, writer->piece), sink,
                       sink_context);
        answer->reason = END_STOP;
        if (code != CODE_DONE || writer->stops.hit)
            return code;
        answer->reason = END_LENGTH;
        if (options->predict >= 0 && (int64_t)(writer->count - first) == options->predict)
            return CODE_DONE;
        answer->reason = END_CONTEXT;
        if (lw_session_length(writer->engine.session) == writer->engine.context)
            return CODE_DONE;
        answer->reason = END_INTERRUPTED;
        if (interrupt_asked())
            return CODE_DONE;
        const double began = seconds_now();
        code = evaluate_last(writer, token, 1);
        answer->eval_tokens++;
        answer->eval_seconds += seconds_now() - began;
        if (code != CODE_DONE)
            return code;
    }
}

/* What was held back at the end: bytes of a character that never came, beginnings of stop texts. */
static int flush(run_writer *writer, text_sink *sink, void *sink_context, run_answer *answer) {
    stop_filter *stops = &writer->stops;
    const size_t rest = lw_text_finish(&writer->bundle->text, &writer->stream, writer->piece);
    int code = deliver(writer, rest, sink, sink_context);
    if (stops->hit)
        answer->reason = END_STOP;
    else if (code == CODE_DONE && stops->held.count > 0)
        code = sink(sink_context, stops->held.bytes, stops->held.count);
    return code;
}

static lw_head_stats head_since(const run_writer *writer, const lw_head_stats *before) {
    lw_head_stats now;
    lw_session_head_stats(writer->engine.session, &now);
    return (lw_head_stats){now.tokens - before->tokens, now.full - before->full,
                           now.survivors - before->survivors, now.candidates - before->candidates};
}

int writer_answer(run_writer *writer, text_sink *sink, void *sink_context, run_answer *answer) {
    lw_head_stats before;
    lw_session_head_stats(writer->engine.session, &before);
    memset(answer, 0, sizeof *answer);
    writer->random = writer->seed;
    writer->stops.held.count = 0;
    writer->stops.hit = false;
    const uint32_t first = writer->count;
    int code = evaluate_added(writer, answer);
    answer->reason = END_INTERRUPTED;
    if (code == CODE_DONE && !interrupt_asked())
        code = write_tokens(writer, sink, sink_context, answer);
    if (code == CODE_DONE && !writer->stops.hit)
        code = flush(writer, sink, sink_context, answer);
    answer->tokens = writer->tokens + first;
    answer->token_count = writer->count - first;
    answer->head = head_since(writer, &before);
    return code;
}
