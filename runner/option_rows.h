/* One row for each option: parsing and help both come from it. */
#ifndef RUNNER_OPTION_ROWS_H
#define RUNNER_OPTION_ROWS_H

#include "options.h"

typedef enum {
    TAKES_NOTHING, /* bool */
    TAKES_MODE,    /* `low` is the run_mode */
    TAKES_TEXT,    /* const char * */
    TAKES_STYLE,   /* const char *: md or json */
    TAKES_STOP,    /* text_list, one more */
    TAKES_COUNT,   /* uint32_t */
    TAKES_LIMIT,   /* int64_t */
    TAKES_REAL,    /* double */
    TAKES_SEED,
    TAKES_LIST /* number_list */
} option_kind;

typedef struct {
    const char *names[3]; /* the first one is shown in messages */
    unsigned modes;       /* where it is accepted */
    option_kind kind;
    size_t field; /* offset in run_options */
    double low, high;
    const char *metavar;
    const char *group; /* heading before this row in the help, or NULL */
    const char *help;
} option_row;

enum { ALL_MODES = 127 };

extern const option_row option_rows[];
extern const size_t option_row_count;

/* "--bench", as people type it; for MODE_GENERATE what it does. */
const char *option_mode_name(run_mode mode);

#endif
