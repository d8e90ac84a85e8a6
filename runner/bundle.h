/* The bundle: model.lw, found, mapped and validated. */
#ifndef RUNNER_BUNDLE_H
#define RUNNER_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "lutwerk/lutwerk.h"
#include "lutwerk/text.h"

enum { MAX_PATH_BYTES = 4096, MAX_NAME_BYTES = 256 };

typedef struct {
    char path[MAX_PATH_BYTES]; /* of model.lw */
    void *data;
    size_t bytes;
    bool copied; /* data is a copy in memory, not the mapped file */
    lw_model model;
    lw_model_info info;
    bool has_text, has_chat, two_stages;
    lw_text text;
    lw_text_info text_info;
    /* From manifest.json; empty when it does not say. */
    char name[MAX_NAME_BYTES], target[MAX_NAME_BYTES];
    char chat_reason[4 * MAX_NAME_BYTES]; /* why there is no chat template */
} run_bundle;

/* Open the bundle at `given`: its folder, or model.lw; NULL: the folder of this program.
 * check_weights: also compare the checksum of all weights, which reads the whole file. copy: see
 * weights_open. Returns CODE_DONE, or the exit code of a fault that was reported. */
int bundle_open(const char *given, bool check_weights, bool copy, run_bundle *bundle);
void bundle_close(run_bundle *bundle);

/* Report a status of the library about this bundle, with what to do next; returns the exit code. */
int bundle_fault(const run_bundle *bundle, lw_status status, uint32_t detail);

/* Whether this processor has the instruction set that the bundle needs; if not, says so and returns
 * CODE_MISFIT. */
int bundle_fits(const run_bundle *bundle);

/* Sum of rows * columns of all matrices but the rotary tables. */
uint64_t bundle_parameters(const run_bundle *bundle);

#endif
