#include "report.h"

#include <stdarg.h>
#include <stdio.h>

/* In one write, so that the sentence stays whole beside what other programs print. */
static void say(const char *kind, const char *format, va_list arguments) {
    char text[4096];
    const int head = snprintf(text, sizeof text, "run: %s: ", kind);
    vsnprintf(text + head, sizeof text - (size_t)head, format, arguments);
    fprintf(stderr, "%s\n", text);
}

int fail(int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("error", format, arguments);
    va_end(arguments);
    return code;
}

void note(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("note", format, arguments);
    va_end(arguments);
}
