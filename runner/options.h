/* The command line: `run [MODE] [OPTIONS]`. Names follow llama.cpp, ranges and defaults follow
 * `lutwerk run` and `lutwerk bench`. */
#ifndef RUNNER_OPTIONS_H
#define RUNNER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lutwerk/lutwerk.h"

typedef enum {
    MODE_GENERATE = 1,
    MODE_BENCH = 2,
    MODE_SELF_TEST = 4,
    MODE_CHECK = 8,
    MODE_INFO = 16,
    MODE_HELP = 32,
    MODE_VERSION = 64
} run_mode;

enum { MAX_NUMBERS = 16, MAX_STOPS = 16 };

typedef struct {
    uint32_t count;
    uint32_t values[MAX_NUMBERS];
} number_list;

typedef struct {
    uint32_t count;
    const char *texts[MAX_STOPS];
} text_list;

typedef struct {
    run_mode mode;
    const char *model;  /* bundle folder or model.lw; NULL: beside the program */
    const char *prompt; /* NULL: not given */
    const char *file;   /* with the prompt, "-" is standard input; NULL: not given */
    const char *system;
    const char *output; /* of bench: "md" or "json" */
    int64_t predict;    /* tokens to write at most; -1: no limit */
    uint32_t context;   /* 0: not given */
    uint32_t threads;   /* 0: not given */
    double temperature, top_p, min_p, repeat_penalty;
    uint32_t top_k;
    const char *seed_text; /* NULL: not given */
    uint64_t seed;
    text_list stops;
    bool chat, ignore_eos, full_head, hide_prompt, json, pin, copy;
    number_list bench_prompts, bench_generated, bench_threads;
    uint32_t repetitions;
} run_options;

/* Returns CODE_DONE, or CODE_USAGE after a sentence about what is wrong. */
int options_parse(int argc, char **argv, run_options *options);

/* Print the help of all modes on standard output; returns an exit code. */
int options_help(void);

#endif
