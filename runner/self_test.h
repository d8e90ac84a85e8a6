/* Proof that this device computes the right bits. */
#ifndef RUNNER_SELF_TEST_H
#define RUNNER_SELF_TEST_H

#include "bundle.h"
#include "options.h"

/* Compare all checksums, then the logits of the golden tokens with the compiler's, as a prompt and
 * one by one. Returns the exit code: CODE_WRONG when the bits are others. */
int self_test_main(const run_options *options);

#endif
