#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "interrupt.h"
#include "report.h"

/* Pieces of an answer go to standard output at once, or are kept for the JSON object. */
static int take_piece(void *context, const char *utf8, size_t count) {
    text_buffer *kept = context;
    if (!kept)
        return output_write(utf8, count);
    text_add(kept, utf8, count);
    return kept->short_of_memory ? fail(CODE_FAILED, "not enough memory for the text") : CODE_DONE;
}

/* Write what follows the tokens that were added, and report. */
static int write_answer(run_writer *writer, const char *prompt, size_t prompt_bytes) {
    const bool json = writer->options->json;
    text_buffer kept = {0};
    run_answer answer;
    int code = writer_answer(writer, take_piece, json ? &kept : NULL, &answer);
    if (code == CODE_DONE && !json)
        code = output_write("\n", 1);
    if (code == CODE_DONE)
        code = answer_report(writer, &answer, prompt, prompt_bytes, &kept);
    free(kept.bytes);
    return code == CODE_DONE && answer.reason == END_INTERRUPTED ? CODE_INTERRUPTED : code;
}

/* Continue a text from an empty context. `typed`: it stands on the screen already. */
static int continue_text(run_writer *writer, const char *where, const char *text, size_t bytes,
                         bool typed) {
    uint32_t *ids = NULL;
    size_t count = 0;
    writer_clear(writer);
    int code = input_check_utf8(where, text, bytes);
    if (code == CODE_DONE)
        code = writer_encode(writer, text, bytes, LW_TEXT_SPECIAL | LW_TEXT_TEMPLATE, &ids, &count);
    if (code == CODE_DONE && count == 0)
        code = fail(CODE_FAILED, "%s: the prompt is empty; give at least one character", where);
    if (code == CODE_DONE)
        code = writer_add(writer, ids, count);
    free(ids);
    const run_options *options = writer->options;
    if (code == CODE_DONE && !options->json && !options->hide_prompt && !typed)
        code = output_write(text, bytes);
    return code == CODE_DONE ? write_answer(writer, text, bytes) : code;
}

/* A line, an answer, until the input ends. Ctrl-C ends the answer and gives the turn back; while
 * waiting for a line it ends the program. A line that cannot be answered has been reported, and the
 * next one may do better. */
static int take_turns(run_writer *writer) {
    text_buffer line = {0};
    int code = CODE_DONE;
    for (bool ended = false;;) {
        interrupt_forget();
        fputs("> ", stderr);
        code = input_line(&line, &ended);
        if (code != CODE_DONE || ended)
            break;
        if (line.count == 0)
            continue;
        code = continue_text(writer, "the line", line.bytes, line.count, true);
        if (code != CODE_DONE && code != CODE_INTERRUPTED && code != CODE_FAILED)
            break;
    }
    free(line.bytes);
    if (interrupt_asked())
        code = CODE_INTERRUPTED;
    if (code == CODE_DONE || code == CODE_INTERRUPTED)
        fputs("\n", stderr);
    return code;
}

/* Text that is piped in comes whole; the newline that ends its last line is none of it. */
static int continue_input(run_writer *writer, const char *path, bool piped) {
    text_buffer text = {0};
    const char *where = strcmp(path, "-") == 0 ? "standard input" : path;
    int code = input_read(path, &text);
    if (code == CODE_DONE && text.count == 0)
        code = fail(CODE_FAILED, "%s: the prompt is empty; give a text there or with -p", where);
    if (code == CODE_DONE && piped && text.bytes[text.count - 1] == '\n')
        text.count--;
    if (code == CODE_DONE)
        code = continue_text(writer, where, text.bytes, text.count, false);
    free(text.bytes);
    return code;
}

int generate_main(const run_bundle *bundle, const run_options *options) {
    if (options->chat)
        return fail(CODE_FAILED,
                    "%s: carries no chat template, and guessing one makes models talk nonsense; "
                    "write the prompt in the model's own form with -p",
                    bundle->path);
    run_writer writer;
    int code = writer_start(bundle, options, &writer);
    if (code != CODE_DONE)
        return code;
    if (options->prompt)
        code =
            continue_text(&writer, "the prompt", options->prompt, strlen(options->prompt), false);
    else if (options->file)
        code = continue_input(&writer, options->file, false);
    else if (isatty(STDIN_FILENO))
        code = take_turns(&writer);
    else
        code = continue_input(&writer, "-", true);
    writer_stop(&writer);
    return code;
}
