/* The bundle, what it needs, and what this device has. */
#ifndef RUNNER_INFO_H
#define RUNNER_INFO_H

#include "bundle.h"
#include "options.h"

/* Returns CODE_DONE, or CODE_MISFIT when the device does not fit the bundle. */
int info_main(const run_bundle *bundle, const run_options *options);

#endif
