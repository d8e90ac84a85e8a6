/* A session of the library in memory of this program, with its threads. */
#ifndef RUNNER_ENGINE_H
#define RUNNER_ENGINE_H

#include "bundle.h"
#include "device.h"

typedef struct {
    lw_session *session;
    void *workspace;
    size_t bytes;
    uint32_t context, threads, isa;
    device_cores cores;
} run_engine;

/* What to start; 0 leaves the choice to the device. */
typedef struct {
    uint32_t context;
    uint32_t threads;
    uint32_t isa_limit; /* as in lw_session_options; 0: LUTWERK_ISA or the best */
    bool pin;
} engine_options;

/* Start a session. Returns CODE_DONE, or the exit code of a fault that was reported: the bundle
 * does not fit the processor, memory is short, LUTWERK_ISA is wrong. A context that nobody asked
 * for is what free memory holds, and a note says when this is less than the bundle's. */
int engine_start(const run_bundle *bundle, const engine_options *options, run_engine *engine);
void engine_stop(run_engine *engine);

/* Bytes of workspace for a context and threads; 0 when this device cannot address them. */
size_t engine_bytes(const run_bundle *bundle, uint32_t context, uint32_t threads);

/* The greatest context whose workspace takes at most `bytes`, at least 1. */
uint32_t engine_fitting_context(const run_bundle *bundle, uint32_t threads, uint64_t bytes);

/* The instruction set that LUTWERK_ISA names, or the processor's best, as a limit of
 * lw_session_options. */
int engine_isa_limit(uint32_t *limit);

/* A size for people, such as "1.5 KiB"; lives until the fourth call after this one. */
const char *size_text(uint64_t bytes);

#endif
