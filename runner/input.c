#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "report.h"

static int refuse(const char *path, const char *reason) {
    return fail(CODE_FAILED, "%s: %s; give a file that can be read", path, reason);
}

int input_read(const char *path, text_buffer *text) {
    const bool standard = strcmp(path, "-") == 0;
    const char *name = standard ? "standard input" : path;
    const int file = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return refuse(name, strerror(errno));
    char block[1 << 16];
    ssize_t count;
    do {
        count = read(file, block, sizeof block);
        if (count > 0)
            text_add(text, block, (size_t)count);
    } while (count > 0 || (count < 0 && errno == EINTR && !interrupt_asked()));
    const int fault = count < 0 ? errno : 0;
    if (!standard)
        close(file);
    if (fault)
        return interrupt_asked() ? CODE_INTERRUPTED : refuse(name, strerror(fault));
    if (text->short_of_memory)
        return fail(CODE_FAILED, "%s: not enough memory to read it; give a shorter text", name);
    return CODE_DONE;
}

int input_line(text_buffer *line, bool *ended) {
    line->count = 0;
    *ended = false;
    for (;;) {
        char c;
        interrupt_wait(STDIN_FILENO);
        if (interrupt_asked()) {
            *ended = true;
            return CODE_DONE;
        }
        const ssize_t count = read(STDIN_FILENO, &c, 1);
        if (count == 1 && c == '\n')
            return CODE_DONE;
        if (count == 1) {
            text_add(line, &c, 1);
        } else if (count == 0) {
            *ended = line->count == 0;
            return CODE_DONE;
        } else if (errno != EINTR) {
            return refuse("standard input", strerror(errno));
        }
        if (line->short_of_memory)
            return fail(CODE_FAILED, "not enough memory for the line; give a shorter text");
    }
}

/* Bytes of the character that begins here, or 0 (The Unicode Standard, table 3-7). */
static size_t character_bytes(const unsigned char *c, size_t count) {
    size_t length = 0;
    unsigned char low = 0x80, high = 0xBF; /* of the second byte */
    if (c[0] < 0x80)
        return 1;
    if (c[0] >= 0xC2 && c[0] <= 0xDF)
        length = 2;
    else if (c[0] >= 0xE0 && c[0] <= 0xEF)
        length = 3;
    else if (c[0] >= 0xF0 && c[0] <= 0xF4)
        length = 4;
    if (length == 0 || length > count)
        return 0;
    if (c[0] == 0xE0)
        low = 0xA0;
    else if (c[0] == 0xED)
        high = 0x9F;
    else if (c[0] == 0xF0)
        low = 0x90;
    else if (c[0] == 0xF4)
        high = 0x8F;
    if (c[1] < low || c[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((c[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

int input_check_utf8(const char *where, const char *bytes, size_t count) {
    for (size_t i = 0; i < count;) {
        const size_t length = character_bytes((const unsigned char *)bytes + i, count - i);
        if (length == 0)
            return fail(CODE_FAILED, "%s: not UTF-8 at byte %zu; convert the text to UTF-8", where,
                        i);
        i += length;
    }
    return CODE_DONE;
}
