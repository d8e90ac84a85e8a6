/* The few facts of manifest.json that are not in model.lw: names, for people. */
#ifndef RUNNER_JSON_H
#define RUNNER_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* The text of the string at `path` (keys separated by points) of the JSON object, into `value`,
 * terminated. Returns false, with an empty value, when the text is not JSON as far as it was read,
 * there is no such string, it does not fit, or it has escapes. Safe on hostile texts. */
bool json_string(const char *json, size_t count, const char *path, char *value, size_t capacity);

#endif
