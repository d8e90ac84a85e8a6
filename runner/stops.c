#include "stops.h"

#include <string.h>

/* Where `stop` begins in the held text, or SIZE_MAX. */
static size_t find(const text_buffer *held, const char *stop, size_t length) {
    for (size_t i = 0; i + length <= held->count; i++)
        if (memcmp(held->bytes + i, stop, length) == 0)
            return i;
    return SIZE_MAX;
}

/* Length of the longest end of the held text with which `stop` begins. */
static size_t partial(const text_buffer *held, const char *stop, size_t length) {
    size_t size = length - 1 < held->count ? length - 1 : held->count;
    while (size > 0 && memcmp(held->bytes + held->count - size, stop, size) != 0)
        size--;
    return size;
}

void stops_also(stop_filter *filter, const char *utf8, size_t bytes) {
    filter->also = utf8;
    filter->also_bytes = bytes;
}

size_t stops_feed(stop_filter *filter, const char *utf8, size_t count) {
    size_t certain = SIZE_MAX, waiting = 0;
    text_add(&filter->held, utf8, count);
    const uint32_t stops = filter->stops->count + (filter->also_bytes > 0);
    for (uint32_t i = 0; i < stops; i++) {
        const bool given = i < filter->stops->count;
        const char *stop = given ? filter->stops->texts[i] : filter->also;
        const size_t length = given ? strlen(stop) : filter->also_bytes;
        const size_t found = find(&filter->held, stop, length);
        const size_t begun = partial(&filter->held, stop, length);
        certain = found < certain ? found : certain;
        waiting = begun > waiting ? begun : waiting;
    }
    filter->hit = certain != SIZE_MAX;
    return filter->hit ? certain : filter->held.count - waiting;
}

void stops_drop(stop_filter *filter, size_t count) {
    filter->held.count -= count;
    if (filter->held.count > 0)
        memmove(filter->held.bytes, filter->held.bytes + count, filter->held.count);
}
