/* UTF-8 or not: every code point, and what is next to each border. */
#include <string.h>

#include "check.h"
#include "input.h"
#include "report.h"

static int write_character(uint32_t c, unsigned char bytes[4]) {
    if (c < 0x80) {
        bytes[0] = (unsigned char)c;
        return 1;
    }
    const int count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (int i = count - 1; i > 0; i--, c >>= 6)
        bytes[i] = (unsigned char)(0x80 | (c & 0x3F));
    bytes[0] = (unsigned char)(leads[count] | c);
    return count;
}

static bool valid(const void *bytes, size_t count) {
    return input_check_utf8("test", bytes, count) == CODE_DONE;
}

int main(void) {
    unsigned char bytes[4];
    /* Each fault is reported on stderr, which nobody wants to read here. */
    CHECK(freopen("/dev/null", "w", stderr));
    for (uint32_t c = 0; c < 0x110000; c++) {
        const int count = write_character(c, bytes);
        const bool surrogate = c >= 0xD800 && c < 0xE000;
        if (c % 251 == 0 || count != write_character(c + 1, bytes) || surrogate) {
            write_character(c, bytes);
            CHECK_EQUAL(valid(bytes, (size_t)count), !surrogate);
            for (int cut = 1; cut < count; cut++)
                CHECK(!valid(bytes, (size_t)cut));
        }
    }
    static const char *const wrong[] = {"\x80",
                                        "\xC0\x80",
                                        "\xC1\xBF",
                                        "\xE0\x9F\xBF",
                                        "\xF0\x8F\xBF\xBF",
                                        "\xF4\x90\x80\x80",
                                        "\xF5\x80\x80\x80",
                                        "\xFF",
                                        "a\xC3",
                                        "\xE2\x82z",
                                        "\xC3\xC3"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!valid(wrong[i], strlen(wrong[i])));
    CHECK(valid("", 0));
    CHECK(valid("a\0b", 3));
    return 0;
}
