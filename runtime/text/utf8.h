/* UTF-8, one code point at a time. */
#ifndef LW_TEXT_UTF8_H
#define LW_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LW_REPLACEMENT 0xFFFDu

enum { LW_UTF8_MAX = 4, LW_REPLACEMENT_BYTES = 3 };

/* How a sequence of bytes begins. */
typedef struct {
    uint32_t code_point; /* LW_REPLACEMENT when the bytes are no character */
    uint32_t bytes;      /* of the character, or of the maximal part of one; at least 1 */
    bool valid;
    bool cut; /* not valid, but more bytes could make it so */
} lw_utf8;

/* Read at most `count` bytes (at least 1). The ranges of second bytes are those of The Unicode
 * Standard, table 3-7. */
static inline lw_utf8 lw_utf8_read(const uint8_t *at, size_t count) {
    const uint32_t lead = at[0];
    if (lead < 0x80)
        return (lw_utf8){lead, 1, true, false};
    const uint32_t bytes = lead < 0xC2   ? 0
                           : lead < 0xE0 ? 2
                           : lead < 0xF0 ? 3
                           : lead < 0xF5 ? 4
                                         : 0;
    lw_utf8 broken = {LW_REPLACEMENT, 1, false, false};
    if (bytes == 0)
        return broken;
    uint32_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint32_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    uint32_t code_point = lead & (0x7Fu >> bytes);
    for (uint32_t i = 1; i < bytes; i++) {
        broken.bytes = i;
        broken.cut = i >= count;
        if (broken.cut || at[i] < low || at[i] > high)
            return broken;
        code_point = code_point << 6 | (at[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    return (lw_utf8){code_point, bytes, true, false};
}

/* Write a code point in at most LW_UTF8_MAX bytes and return how many. */
static inline size_t lw_utf8_write(uint32_t code_point, uint8_t *to) {
    if (code_point < 0x80) {
        to[0] = (uint8_t)code_point;
        return 1;
    }
    const size_t bytes = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = bytes - 1; i > 0; i--) {
        to[i] = (uint8_t)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    to[0] = (uint8_t)((0xF00u >> bytes) | code_point);
    return bytes;
}

#endif
