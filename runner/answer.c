#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conversation.h"
#include "input.h"
#include "interrupt.h"
#include "report.h"

/* What answers texts: a writer, in a conversation or without. */
typedef struct {
    run_writer writer;
    conversation talk;
    bool chat, broken; /* broken: an answer could not be written to its end */
    text_buffer kept;  /* the answer, where it is needed as a whole */
} run_session;

/* Pieces of an answer go to standard output at once, and are kept for JSON and conversations. */
static int take_piece(void *context, const char *utf8, size_t count) {
    run_session *s = context;
    const bool json = s->writer.options->json;
    if (s->chat || json)
        text_add(&s->kept, utf8, count);
    if (s->kept.short_of_memory)
        return fail(CODE_FAILED, "not enough memory for the text; give a smaller -n");
    return json ? CODE_DONE : output_write(utf8, count);
}

/* Write what follows the tokens that were added, and report. */
static int write_answer(run_session *s, const char *prompt, size_t prompt_bytes) {
    run_answer answer;
    s->kept.count = 0;
    int code = writer_answer(&s->writer, take_piece, s, &answer);
    if (code == CODE_DONE && !s->writer.options->json)
        code = output_write("\n", 1);
    if (code == CODE_DONE)
        code = answer_report(&s->writer, &answer, prompt, prompt_bytes, &s->kept);
    if (code == CODE_DONE && s->chat)
        code = conversation_answered(&s->talk, &answer, &s->kept);
    s->broken = code != CODE_DONE;
    return code == CODE_DONE && answer.reason == END_INTERRUPTED ? CODE_INTERRUPTED : code;
}

/* Make a text the whole context. */
static int begin_text(run_writer *writer, const char *where, const char *text, size_t bytes) {
    uint32_t *ids = NULL;
    size_t count = 0;
    writer_clear(writer);
    int code = input_check_utf8(where, text, bytes);
    if (code == CODE_DONE)
        code = writer_encode(writer, text, bytes, LW_TEXT_SPECIAL | LW_TEXT_TEMPLATE, &ids, &count);
    if (code == CODE_DONE && count == 0)
        code = fail(CODE_FAILED, "%s: the prompt is empty; give at least one character", where);
    if (code == CODE_DONE)
        code = writer_replace(writer, 0, ids, count);
    free(ids);
    return code;
}

/* Answer a message of a conversation, or continue a text. `typed`: it stands on the screen already.
 */
static int respond(run_session *s, const char *where, const char *text, size_t bytes, bool typed) {
    const run_options *options = s->writer.options;
    int code = s->chat ? conversation_ask(&s->talk, text, bytes)
                       : begin_text(&s->writer, where, text, bytes);
    if (code == CODE_DONE && !s->chat && !options->json && !options->hide_prompt && !typed)
        code = output_write(text, bytes);
    return code == CODE_DONE ? write_answer(s, text, bytes) : code;
}

static bool is_blank(const text_buffer *line) {
    for (size_t i = 0; i < line->count; i++)
        if (!strchr(" \t\r\n\v\f", line->bytes[i]))
            return false;
    return true;
}

/* A line, an answer, until the input ends. Ctrl-C ends the answer and gives the turn back; while
 * waiting for a line it ends the program. On a terminal, a line that cannot be answered does not
 * end the program: the next one may do better. */
static int take_turns(run_session *s, bool terminal) {
    text_buffer line = {0};
    int code = CODE_DONE;
    for (bool ended = false; !ended;) {
        interrupt_forget();
        if (terminal)
            fputs("> ", stderr);
        code = input_line(&line, &ended);
        if (code != CODE_DONE)
            break;
        if (is_blank(&line))
            continue;
        code = respond(s, "the line", line.bytes, line.count, true);
        if (code != CODE_DONE &&
            (s->broken || !terminal || (code != CODE_INTERRUPTED && code != CODE_FAILED)))
            break;
        code = CODE_DONE;
    }
    free(line.bytes);
    if (terminal)
        fputs("\n", stderr);
    return code == CODE_DONE && interrupt_asked() ? CODE_INTERRUPTED : code;
}

/* Text that is piped in comes whole; the newline that ends its last line is none of it. */
static int respond_to_input(run_session *s, const char *path, bool piped) {
    text_buffer text = {0};
    const char *where = strcmp(path, "-") == 0 ? "standard input" : path;
    int code = input_read(path, &text);
    if (code == CODE_DONE && text.count == 0)
        code = fail(CODE_FAILED, "%s: the prompt is empty; give a text there or with -p", where);
    if (code == CODE_DONE && piped && text.bytes[text.count - 1] == '\n')
        text.count--;
    if (code == CODE_DONE)
        code = respond(s, where, text.bytes, text.count, false);
    free(text.bytes);
    return code;
}

static int respond_to_all(run_session *s) {
    const run_options *options = s->writer.options;
    const bool terminal = isatty(STDIN_FILENO);
    if (options->prompt)
        return respond(s, "the prompt", options->prompt, strlen(options->prompt), false);
    if (options->file)
        return respond_to_input(s, options->file, false);
    return terminal || s->chat ? take_turns(s, terminal) : respond_to_input(s, "-", true);
}

int generate_main(const run_bundle *bundle, const run_options *options) {
    run_session s = {.chat = options->chat};
    interrupt_take();
    int code = writer_start(bundle, options, &s.writer);
    if (code != CODE_DONE)
        return code;
    if (s.chat)
        code = conversation_start(&s.writer, &s.talk);
    if (code == CODE_DONE)
        code = respond_to_all(&s);
    if (s.chat)
        conversation_stop(&s.talk);
    free(s.kept.bytes);
    writer_stop(&s.writer);
    return code;
}
