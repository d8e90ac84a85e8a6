#include "options.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "option_rows.h"
#include "report.h"

/* Until --chat has been seen or not. */
enum { PREDICT_DEFAULT = -2 };

static void set_defaults(run_options *options) {
    *options = (run_options){
        .mode = MODE_GENERATE,
        .output = "md",
        .predict = PREDICT_DEFAULT,
        .temperature = 0.8,
        .top_k = 40,
        .top_p = 0.95,
        .min_p = 0.05,
        .repeat_penalty = 1.0,
        .bench_prompts = {1, {512}},
        .bench_generated = {1, {128}},
        .repetitions = 5,
    };
}

/* The row whose name is the first `length` bytes of `name`, in one of the modes. */
static const option_row *find_row(const char *name, size_t length, unsigned modes) {
    for (size_t i = 0; i < option_row_count; i++)
        for (int j = 0; j < 3; j++) {
            const char *known = option_rows[i].names[j];
            if (known && option_rows[i].modes & modes && strlen(known) == length &&
                memcmp(known, name, length) == 0)
                return &option_rows[i];
        }
    return NULL;
}

/* Length of the name in "--name=value", or of the whole argument. */
static size_t name_length(const char *argument) {
    const char *equals = strncmp(argument, "--", 2) == 0 ? strchr(argument, '=') : NULL;
    return equals ? (size_t)(equals - argument) : strlen(argument);
}

/* Modes first: what other options mean depends on them, wherever they stand. */
static int find_mode(int argc, char **argv, run_options *options) {
    const char *chosen = NULL;
    for (int i = 1; i < argc; i++) {
        const size_t length = name_length(argv[i]);
        const option_row *row = find_row(argv[i], length, ALL_MODES);
        if (!row)
            continue;
        if (row->kind == TAKES_MODE) {
            if ((run_mode)row->low == MODE_HELP) {
                options->mode = MODE_HELP;
                return CODE_DONE;
            }
            if (chosen && strcmp(chosen, row->names[0]) != 0)
                return fail(CODE_USAGE, "%s and %s do not go together; give one of them", chosen,
                            row->names[0]);
            chosen = row->names[0];
            options->mode = (run_mode)row->low;
        } else if (row->kind != TAKES_NOTHING && argv[i][length] == '\0') {
            i++;
        }
    }
    return CODE_DONE;
}

static int refuse(const option_row *row, const char *value) {
    if (row->high == HUGE_VAL)
        return fail(CODE_USAGE, "argument %s: %s is out of range; accepted: %.0f and above",
                    row->names[0], value, row->low);
    return fail(CODE_USAGE, "argument %s: %s is out of range; accepted: %g to %.12g", row->names[0],
                value, row->low, row->high);
}

static int refuse_kind(const option_row *row, const char *value, const char *kind) {
    return fail(CODE_USAGE, "argument %s: '%s' is not %s", row->names[0], value, kind);
}

static int read_integer(const option_row *row, const char *value, int64_t *number) {
    char *end;
    errno = 0;
    const long long read = strtoll(value, &end, 10);
    if (end == value || *end != '\0')
        return refuse_kind(row, value, "an integer");
    if (errno == ERANGE || (double)read < row->low || (double)read > row->high)
        return refuse(row, value);
    *number = read;
    return CODE_DONE;
}

static int read_real(const option_row *row, const char *value, double *number) {
    char *end;
    const double read = strtod(value, &end);
    if (end == value || *end != '\0')
        return refuse_kind(row, value, "a number");
    if (!(read >= row->low && read <= row->high))
        return refuse(row, value);
    *number = read;
    return CODE_DONE;
}

static int read_seed(const option_row *row, const char *value, run_options *options) {
    char *end;
    errno = 0;
    options->seed = strtoull(value, &end, 10);
    options->seed_text = value;
    if (end == value || *end != '\0')
        return refuse_kind(row, value, "an integer");
    if (errno == ERANGE || strchr(value, '-'))
        return fail(CODE_USAGE, "argument %s: %s is out of range; accepted: 0 to 2^64 - 1",
                    row->names[0], value);
    return CODE_DONE;
}

static int read_list(const option_row *row, const char *value, number_list *list) {
    list->count = 0;
    for (const char *part = value;;) {
        char text[32];
        const size_t length = strcspn(part, ",");
        if (length >= sizeof text || list->count == MAX_NUMBERS)
            return fail(CODE_USAGE, "argument %s: '%s' is too long; give at most %d numbers",
                        row->names[0], value, MAX_NUMBERS);
        memcpy(text, part, length);
        text[length] = '\0';
        int64_t number;
        const int code = read_integer(row, text, &number);
        if (code != CODE_DONE)
            return code;
        list->values[list->count++] = (uint32_t)number;
        if (part[length] == '\0')
            return CODE_DONE;
        part += length + 1;
    }
}

static int add_stop(const char *value, text_list *stops) {
    if (*value == '\0')
        return fail(CODE_USAGE,
                    "argument --stop: a stop text is empty; give at least one character");
    if (stops->count == MAX_STOPS)
        return fail(CODE_USAGE, "argument --stop: more than %d stop texts; give fewer", MAX_STOPS);
    stops->texts[stops->count++] = value;
    return CODE_DONE;
}

static int take_value(const option_row *row, const char *value, run_options *options) {
    void *field = (char *)options + row->field;
    int64_t integer = 0;
    int code = CODE_DONE;
    switch (row->kind) {
    case TAKES_TEXT:
        *(const char **)field = value;
        return CODE_DONE;
    case TAKES_STYLE:
        if (strcmp(value, "md") != 0 && strcmp(value, "json") != 0)
            return refuse_kind(row, value, "md or json");
        *(const char **)field = value;
        return CODE_DONE;
    case TAKES_STOP:
        return add_stop(value, field);
    case TAKES_SEED:
        return read_seed(row, value, options);
    case TAKES_LIST:
        return read_list(row, value, field);
    case TAKES_REAL:
        return read_real(row, value, field);
    case TAKES_COUNT:
        code = read_integer(row, value, &integer);
        if (code == CODE_DONE)
            *(uint32_t *)field = (uint32_t)integer;
        return code;
    case TAKES_LIMIT:
        return read_integer(row, value, field);
    case TAKES_NOTHING:
    case TAKES_MODE:
        break;
    }
    return CODE_DONE;
}

static int unknown(const char *argument, const run_options *options) {
    const option_row *elsewhere = find_row(argument, name_length(argument), ALL_MODES);
    if (elsewhere)
        return fail(CODE_USAGE, "%s does not go with %s; `run --help` says what does",
                    elsewhere->names[0], option_mode_name(options->mode));
    if (argument[0] == '-' && argument[1] != '\0')
        return fail(CODE_USAGE, "%s is not an option; `run --help` lists them", argument);
    return fail(CODE_USAGE, "'%s' stands alone; give a text with -p, a bundle with -m", argument);
}

static int check_together(const run_options *options) {
    if (options->prompt && options->file)
        return fail(CODE_USAGE, "-p and -f do not go together; give one of them");
    if (options->system && !options->chat)
        return fail(CODE_USAGE, "--system goes with --chat; add --chat");
    return CODE_DONE;
}

int options_parse(int argc, char **argv, run_options *options) {
    set_defaults(options);
    int code = find_mode(argc, argv, options);
    for (int i = 1; i < argc && code == CODE_DONE; i++) {
        const size_t length = name_length(argv[i]);
        const option_row *row = find_row(argv[i], length, options->mode);
        if (!row)
            return unknown(argv[i], options);
        const bool attached = argv[i][length] == '=';
        if (row->kind == TAKES_NOTHING || row->kind == TAKES_MODE) {
            if (attached)
                return fail(CODE_USAGE, "%s takes no value; leave out '%s'", row->names[0],
                            argv[i] + length);
            if (row->kind == TAKES_NOTHING)
                *((bool *)(void *)((char *)options + row->field)) = true;
        } else if (attached) {
            code = take_value(row, argv[i] + length + 1, options);
        } else if (i + 1 == argc) {
            code = fail(CODE_USAGE, "%s needs a value: %s", argv[i], row->metavar);
        } else {
            code = take_value(row, argv[++i], options);
        }
    }
    if (options->predict == PREDICT_DEFAULT)
        options->predict = options->chat ? -1 : 128;
    return code == CODE_DONE ? check_together(options) : code;
}
