#include "lutwerk/lutwerk.h"

typedef struct {
    const char *name;
    const char *message;
} status_text;

static const status_text texts[] = {
#define LW_STATUS(code, name, message) [code] = {#name, message},
#include "lutwerk/status.def"
#undef LW_STATUS
};

static const status_text *find_text(uint32_t status) {
    static const status_text unknown = {"ERR_UNKNOWN", "an unknown status code"};
    return status < sizeof texts / sizeof *texts && texts[status].name ? &texts[status] : &unknown;
}

const char *lw_version(void) {
    return LW_VERSION;
}

const char *lw_status_name(uint32_t status) {
    return find_text(status)->name;
}

const char *lw_status_message(uint32_t status) {
    return find_text(status)->message;
}
