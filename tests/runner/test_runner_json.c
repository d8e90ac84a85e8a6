/* Strings of a manifest, and texts that only look like one: every prefix ends within its memory. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "json.h"

static const char manifest[] = "{ \"a\": [1, {\"name\": \"inner\"}, \"]\"],\n"
                               "  \"b\": {\"name\": \"nested\", \"n\": -1.5e3, \"t\": true},\n"
                               "  \"escaped\\\"name\": \"x\", \"name\": \"a model\","
                               "  \"escape\": \"a\\nb\", \"end\": null }";

static bool find(const char *path, const char *expected) {
    char value[16];
    const bool found = json_string(manifest, sizeof manifest - 1, path, value, sizeof value);
    CHECK(found || value[0] == '\0');
    return found && strcmp(value, expected) == 0;
}

int main(void) {
    CHECK(find("name", "a model"));
    CHECK(find("b.name", "nested"));
    CHECK(!find("b.absent", ""));
    CHECK(!find("a", ""));
    CHECK(!find("a.name", ""));
    CHECK(!find("end", ""));
    CHECK(!find("escape", ""));
    char value[8];
    CHECK(!json_string(manifest, sizeof manifest - 1, "name", value, 7)); /* one byte too many */
    CHECK(json_string(manifest, sizeof manifest - 1, "name", value, 8));

    for (size_t count = 0; count < sizeof manifest; count++) {
        char *copy = malloc(count ? count : 1);
        CHECK(copy);
        memcpy(copy, manifest, count);
        json_string(copy, count, "escape", value, sizeof value);
        json_string(copy, count, "b.n", value, sizeof value);
        free(copy);
    }
    /* Nesting that no manifest has. */
    char *deep = malloc(100000);
    CHECK(deep);
    memset(deep, '[', 100000);
    memcpy(deep, "{\"a\":", 5);
    CHECK(!json_string(deep, 100000, "name", value, sizeof value));
    free(deep);
    return 0;
}
