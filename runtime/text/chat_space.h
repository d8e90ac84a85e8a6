/* White space and searches in messages. */
#ifndef LW_CHAT_SPACE_H
#define LW_CHAT_SPACE_H

#include "chat_tables.h"
#include "utf8.h"

/* White space as Python's str.strip has it: bidirectional class WS, B or S, or category Zs. */
static inline bool lw_is_space(uint32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Bytes of white space at the beginning. */
static inline size_t lw_skip_space(const uint8_t *bytes, size_t count) {
    size_t at = 0;
    while (at < count) {
        const lw_utf8 read = lw_utf8_read(bytes + at, count - at);
        if (!lw_is_space(read.code_point))
            break;
        at += read.bytes;
    }
    return at;
}

/* Bytes up to the white space at the end, of UTF-8. */
static inline size_t lw_trim_space(const uint8_t *bytes, size_t count) {
    while (count > 0) {
        size_t at = count - 1;
        while (at > 0 && (bytes[at] & 0xC0) == 0x80)
            at--;
        if (!lw_is_space(lw_utf8_read(bytes + at, count - at).code_point))
            break;
        count = at;
    }
    return count;
}

/* The last place of `text`, which is not empty, or NULL. */
static inline const uint8_t *lw_find_last(const uint8_t *bytes, size_t count, lw_span text) {
    for (size_t at = count; at >= text.count; at--)
        if (memcmp(bytes + at - text.count, text.bytes, text.count) == 0)
            return bytes + at - text.count;
    return NULL;
}

#endif
