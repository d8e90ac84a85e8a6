#include "conversation.h"

#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "report.h"

static int short_of_memory(void) {
    return fail(CODE_MISFIT, "not enough memory for the conversation; start again");
}

static int add_message(conversation *talk, uint32_t role, const char *utf8, size_t bytes) {
    if (talk->count == talk->capacity) {
        const size_t capacity = 2 * talk->capacity + 8;
        lw_chat_message *messages = realloc(talk->messages, capacity * sizeof *messages);
        if (!messages)
            return short_of_memory();
        talk->messages = messages;
        talk->capacity = capacity;
    }
    char *text = malloc(bytes + 1);
    if (!text)
        return short_of_memory();
    if (bytes > 0)
        memcpy(text, utf8, bytes);
    talk->messages[talk->count++] = (lw_chat_message){role, text, bytes};
    return CODE_DONE;
}

static void drop_messages(conversation *talk, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++)
        free((void *)(uintptr_t)talk->messages[i].utf8);
    talk->count -= count;
    memmove(talk->messages + first, talk->messages + first + count,
            (talk->count - first) * sizeof *talk->messages);
}

int conversation_start(run_writer *writer, conversation *talk) {
    const run_bundle *bundle = writer->bundle;
    const char *system = writer->options->system;
    memset(talk, 0, sizeof *talk);
    talk->writer = writer;
    if (lw_model_get_chat(&bundle->model, &talk->chat) != LW_OK)
        return fail(
            CODE_FAILED,
            "%s: carries no chat template%s%s, and guessing one makes models talk nonsense; "
            "write the prompt in the model's own form with -p, without --chat",
            bundle->path, bundle->chat_reason[0] ? ": " : "", bundle->chat_reason);
    lw_chat_get_info(&talk->chat, &talk->info);
    writer->end = talk->info.end;
    stops_also(&writer->stops, talk->info.stop, talk->info.stop_bytes);
    if (!system)
        return CODE_DONE;
    if (!talk->info.system)
        return fail(CODE_FAILED, "%s: its chat template has no system message; leave out --system",
                    bundle->path);
    const int code = input_check_utf8("--system", system, strlen(system));
    return code == CODE_DONE ? add_message(talk, LW_CHAT_SYSTEM, system, strlen(system)) : code;
}

void conversation_stop(conversation *talk) {
    drop_messages(talk, 0, talk->count);
    free(talk->messages);
}

/* Say what is wrong with the message at `index`. */
static int refuse(const conversation *talk, lw_chat_fault fault, size_t index, const char *reserved,
                  size_t reserved_bytes) {
    const char *which = talk->messages[index].role == LW_CHAT_SYSTEM ? "--system" : "the message";
    if (fault == LW_CHAT_BLANK)
        return fail(CODE_FAILED,
                    "%s has no text, which the chat template treats in a way of its "
                    "own; write something",
                    which);
    return fail(CODE_FAILED,
                "%s has the text '%.*s', which the chat template treats in a way of its own; "
                "write it differently",
                which, (int)reserved_bytes, reserved);
}

/* An answer that the template cannot carry, such as one that was interrupted before its first word,
 * is forgotten with its question. */
static int check_messages(conversation *talk) {
    for (;;) {
        size_t index = 0, reserved_bytes = 0;
        const char *reserved = "";
        const lw_chat_fault fault = lw_chat_check(&talk->chat, talk->messages, talk->count, &index,
                                                  &reserved, &reserved_bytes);
        if (fault == LW_CHAT_OK)
            return CODE_DONE;
        if (talk->messages[index].role != LW_CHAT_ANSWER)
            return refuse(talk, fault, index, reserved, reserved_bytes);
        note("answer %zu of this conversation has no form in the chat template; it is forgotten",
             (index + 1) / 2);
        drop_messages(talk, index - 1, 2);
        talk->rewrite = true;
    }
}

/* Ids of the messages from `first` on; *ids is to be freed. */
static int encode(const conversation *talk, size_t first, uint32_t **ids, size_t *count) {
    const size_t bytes = lw_chat_scratch_bytes(&talk->chat, talk->messages, talk->count);
    *ids = NULL;
    *count = 0;
    if (bytes == SIZE_MAX)
        return fail(CODE_FAILED, "the conversation is too long to encode; start again");
    void *scratch = malloc(bytes + 1);
    lw_status status = scratch ? lw_chat_encode(&talk->chat, talk->messages, talk->count, first,
                                                scratch, bytes, NULL, 0, count)
                               : LW_OK;
    if (scratch && status == LW_OK) {
        *ids = malloc((*count + 1) * sizeof **ids);
        if (*ids)
            status = lw_chat_encode(&talk->chat, talk->messages, talk->count, first, scratch, bytes,
                                    *ids, *count, count);
    }
    free(scratch);
    if (status != LW_OK)
        return bundle_fault(talk->writer->bundle, status, UINT32_MAX);
    return *ids ? CODE_DONE : short_of_memory();
}

/* How many ids the context begins with already; at least one is left to evaluate. */
static uint32_t common_ids(const run_writer *writer, const uint32_t *ids, size_t count) {
    uint32_t same = 0;
    while (same < writer->count && same + 1 < count && writer->tokens[same] == ids[same])
        same++;
    return same;
}

/* Bring the context to the ids of the messages. */
static int extend_context(conversation *talk) {
    run_writer *writer = talk->writer;
    const size_t last = talk->count - 1;
    const bool appends = talk->info.appends && !talk->rewrite && writer->count > 0;
    uint32_t *ids;
    size_t count;
    int code = encode(talk, appends ? last : 0, &ids, &count);
    if (code == CODE_DONE && count == 0)
        code = fail(CODE_FAILED, "the message gives no tokens; write something");
    if (code == CODE_DONE) {
        const uint32_t same = appends ? writer->count : common_ids(writer, ids, count);
        const size_t skipped = appends ? 0 : same;
        code = writer_replace(writer, same, ids + skipped, count - skipped);
    }
    free(ids);
    return code;
}

int conversation_ask(conversation *talk, const char *utf8, size_t bytes) {
    int code = input_check_utf8("the message", utf8, bytes);
    if (code == CODE_DONE)
        code = add_message(talk, LW_CHAT_USER, utf8, bytes);
    if (code != CODE_DONE)
        return code;
    code = check_messages(talk);
    if (code == CODE_DONE)
        code = extend_context(talk);
    if (code == CODE_DONE)
        talk->rewrite = false;
    else
        drop_messages(talk, talk->count - 1, 1);
    return code;
}

int conversation_answered(conversation *talk, const run_answer *answer, const text_buffer *text) {
    /* Tokens of a stop text are in the context, but no part of the answer; one that was interrupted
     * may end inside a character. */
    talk->rewrite = answer->reason == END_STOP || answer->reason == END_INTERRUPTED;
    return add_message(talk, LW_CHAT_ANSWER, text->bytes, text->count);
}
