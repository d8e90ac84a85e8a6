/* Standard output. Every write goes out at once, and a failed one is noticed where it happens.
 * Functions that return int return CODE_DONE, or the exit code of a fault that they have reported.
 */
#ifndef RUNNER_OUTPUT_H
#define RUNNER_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

/* A text that grows. Begin with all zeros; free(bytes). `short_of_memory` stays set once an
 * addition has failed, and later additions are ignored. */
typedef struct {
    char *bytes;
    size_t count, capacity;
    int short_of_memory;
} text_buffer;

void text_add(text_buffer *text, const char *bytes, size_t count);
void text_format(text_buffer *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Add a JSON string, quotes included; the bytes must be UTF-8. */
void text_add_json(text_buffer *text, const char *utf8, size_t count);

/* Write all of it to standard output. A reader that has gone is CODE_READER_GONE, without words. */
int output_write(const char *bytes, size_t count);

/* Write the text followed by a newline, and free it. */
int output_line(text_buffer *text);

#endif
