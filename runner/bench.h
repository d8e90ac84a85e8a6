/* Tokens per second, in the manner of llama-bench. */
#ifndef RUNNER_BENCH_H
#define RUNNER_BENCH_H

#include "bundle.h"
#include "options.h"

int bench_main(const run_bundle *bundle, const run_options *options);

#endif
