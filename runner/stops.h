/* Cut a text before the first stop text, which may arrive in several pieces. */
#ifndef RUNNER_STOPS_H
#define RUNNER_STOPS_H

#include <stdbool.h>

#include "options.h"
#include "output.h"

typedef struct {
    const text_list *stops;
    const char *also; /* one more, of also_bytes; none when 0 */
    size_t also_bytes;
    text_buffer held; /* text that may be the beginning of a stop text, and room to append */
    bool hit;
} stop_filter;

/* Watch for one more text, which must outlive the filter. */
void stops_also(stop_filter *filter, const char *utf8, size_t bytes);

/* Add a piece of text. Returns how many bytes at the beginning of filter->held are certain; sets
 * `hit` when a stop text is complete. After using them, call stops_drop. */
size_t stops_feed(stop_filter *filter, const char *utf8, size_t count);

/* Remove the first bytes of what is held. */
void stops_drop(stop_filter *filter, size_t count);

#endif
