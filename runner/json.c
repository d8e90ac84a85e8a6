#include "json.h"

#include <string.h>

enum { MAX_DEPTH = 64 };

typedef struct {
    const char *at, *end;
} reader;

static void skip_space(reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

static bool take(reader *r, char c) {
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* The inside of a string as it is written. */
static bool take_string(reader *r, const char **text, size_t *count) {
    if (!take(r, '"'))
        return false;
    *text = r->at;
    while (r->at < r->end && *r->at != '"')
        r->at += *r->at == '\\' ? 2 : 1;
    if (r->at >= r->end)
        return false;
    *count = (size_t)(r->at - *text);
    r->at++;
    return true;
}

/* Pass over a value of any kind. */
static bool skip_value(reader *r) {
    int depth = 0;
    do {
        const char *text;
        size_t count;
        skip_space(r);
        if (r->at == r->end)
            return false;
        if (*r->at == '"') {
            if (!take_string(r, &text, &count))
                return false;
        } else if (*r->at == '{' || *r->at == '[') {
            if (++depth > MAX_DEPTH)
                return false;
            r->at++;
        } else if (*r->at == '}' || *r->at == ']') {
            depth--;
            r->at++;
        } else {
            r->at++;
        }
    } while (depth > 0 || (r->at < r->end && *r->at != ',' && *r->at != '}' && *r->at != ']'));
    return depth == 0;
}

/* Move to the value of a key of the object that begins here. */
static bool enter(reader *r, const char *key, size_t length) {
    if (!take(r, '{'))
        return false;
    do {
        const char *text;
        size_t count;
        if (!take_string(r, &text, &count) || !take(r, ':'))
            return false;
        if (count == length && memcmp(text, key, length) == 0)
            return true;
    } while (skip_value(r) && take(r, ','));
    return false;
}

bool json_string(const char *json, size_t count, const char *path, char *value, size_t capacity) {
    reader r = {json, json + count};
    *value = '\0';
    for (const char *key = path;;) {
        const size_t length = strcspn(key, ".");
        if (!enter(&r, key, length))
            return false;
        if (key[length] == '\0')
            break;
        key += length + 1;
    }
    const char *text;
    size_t bytes;
    if (!take_string(&r, &text, &bytes) || bytes >= capacity || memchr(text, '\\', bytes))
        return false;
    memcpy(value, text, bytes);
    value[bytes] = '\0';
    return true;
}
