/* Text that comes in: whole files, and lines of standard input. */
#ifndef RUNNER_INPUT_H
#define RUNNER_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "output.h"

/* Read a file to its end; "-" is standard input. Returns CODE_DONE, or the exit code of a fault
 * that was reported. */
int input_read(const char *path, text_buffer *text);

/* Read a line of standard input, without its newline. Sets *ended when there is none, or when
 * Ctrl-C came while waiting. */
int input_line(text_buffer *line, bool *ended);

/* Whether the bytes are UTF-8 (RFC 3629); if not, says so, with `where` they come from, and returns
 * CODE_FAILED. */
int input_check_utf8(const char *where, const char *bytes, size_t count);

#endif
