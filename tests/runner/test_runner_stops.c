/* The text before the first stop text, however it is cut into pieces. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "stops.h"

/* What comes out of `text` in random pieces; the rest is released at the end unless a stop was hit.
 */
static void check(const char *text, const text_list *stops, const char *also,
                  const char *expected) {
    uint64_t random = 0x9E3779B97F4A7C15;
    for (int repeat = 0; repeat < 200; repeat++) {
        stop_filter filter = {.stops = stops};
        text_buffer out = {0};
        stops_also(&filter, also, strlen(also));
        for (size_t at = 0; text[at] && !filter.hit;) {
            const size_t left = strlen(text + at);
            size_t count = random_below(&random, 5);
            count = count < left ? count : left;
            const size_t certain = stops_feed(&filter, text + at, count);
            text_add(&out, filter.held.bytes, certain);
            stops_drop(&filter, certain);
            at += count;
        }
        if (!filter.hit)
            text_add(&out, filter.held.bytes, filter.held.count);
        CHECK_EQUAL(out.count, strlen(expected));
        CHECK(out.count == 0 || memcmp(out.bytes, expected, out.count) == 0);
        free(out.bytes);
        free(filter.held.bytes);
    }
}

int main(void) {
    const text_list none = {0};
    const text_list two = {2, {"aab", "c"}};
    check("hello", &none, "", "hello");
    check("aaaabaa", &two, "", "aa");
    check("xcaab", &two, "", "x");
    check("aaaa", &two, "", "aaaa");
    check("xx</s>yy", &none, "</s>", "xx");
    check("xx</s>yy", &two, "</s>", "xx");
    check("c", &two, "", "");
    check("", &two, "", "");
    return 0;
}
