#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

static int text_reserve(text_buffer *text, size_t more) {
    if (text->short_of_memory || more > SIZE_MAX / 4 - text->count)
        text->short_of_memory = 1;
    else if (text->count + more > text->capacity) {
        const size_t capacity = 2 * (text->count + more) + 64;
        char *bytes = realloc(text->bytes, capacity);
        if (bytes) {
            text->bytes = bytes;
            text->capacity = capacity;
        } else {
            text->short_of_memory = 1;
        }
    }
    return !text->short_of_memory;
}

void text_add(text_buffer *text, const char *bytes, size_t count) {
    if (count > 0 && text_reserve(text, count)) {
        memcpy(text->bytes + text->count, bytes, count);
        text->count += count;
    }
}

void text_format(text_buffer *text, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int count = vsnprintf(NULL, 0, format, arguments);
    /* One byte more, for the end that vsnprintf writes. */
    if (count >= 0 && text_reserve(text, (size_t)count + 1)) {
        vsnprintf(text->bytes + text->count, (size_t)count + 1, format, again);
        text->count += (size_t)count;
    }
    va_end(again);
    va_end(arguments);
}

void text_add_json(text_buffer *text, const char *utf8, size_t count) {
    text_add(text, "\"", 1);
    size_t plain = 0; /* begin of what needs no escape */
    for (size_t i = 0; i < count; i++) {
        const unsigned char c = (unsigned char)utf8[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        text_add(text, utf8 + plain, i - plain);
        plain = i + 1;
        if (c == '\n')
            text_add(text, "\\n", 2);
        else if (c >= 0x20)
            text_format(text, "\\%c", c);
        else
            text_format(text, "\\u%04x", c);
    }
    text_add(text, utf8 + plain, count - plain);
    text_add(text, "\"", 1);
}

/* Wait until a standard output that does not block takes more. */
static void wait_for_room(void) {
    struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};
    poll(&room, 1, -1);
}

int output_write(const char *bytes, size_t count) {
    while (count > 0) {
        const ssize_t written = write(STDOUT_FILENO, bytes, count);
        if (written >= 0) {
            bytes += written;
            count -= (size_t)written;
        } else if (errno == EAGAIN) {
            wait_for_room();
        } else if (errno == EPIPE) {
            return CODE_READER_GONE;
        } else if (errno != EINTR) {
            return fail(CODE_FAILED,
                        "standard output: %s; make room, or send the text somewhere else",
                        strerror(errno));
        }
    }
    return CODE_DONE;
}

int output_line(text_buffer *text) {
    text_add(text, "\n", 1);
    const int code = text->short_of_memory ? fail(CODE_FAILED, "not enough memory for the output")
                                           : output_write(text->bytes, text->count);
    free(text->bytes);
    *text = (text_buffer){0};
    return code;
}
