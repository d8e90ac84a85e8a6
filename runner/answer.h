/* Writing text for a person or a program: one answer, or one for each line that comes in. */
#ifndef RUNNER_ANSWER_H
#define RUNNER_ANSWER_H

#include "writer.h"

/* What a program is told of an answer with --json, and a person on standard error. */
int answer_report(const run_writer *writer, const run_answer *answer, const char *prompt,
                  size_t prompt_bytes, const text_buffer *text);

/* The mode that writes text. Returns the exit code. */
int generate_main(const run_bundle *bundle, const run_options *options);

#endif
