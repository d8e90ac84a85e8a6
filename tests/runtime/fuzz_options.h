/* What fuzzers share: their command line, and damage. */
#ifndef FUZZ_OPTIONS_H
#define FUZZ_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t seed; /* printed, so that a run can be repeated */
    unsigned long count;
    const char *path; /* of the input to damage; NULL: a toy */
} fuzz_options;

/* [--count N] [--seed S] [path]; anything else prints the usage, which ends with `input`, and ends
 * the program with 2. */
fuzz_options parse_fuzz_options(int argc, char **argv, const char *input);

/* The bytes of a file, 64-byte aligned, for free(); ends the program with 2 when it cannot be read.
 */
uint8_t *read_file(const char *path, size_t *bytes);

/* Change one of the 4-byte numbers among the first `count` bytes. */
void damage_word(uint64_t *random, uint8_t *bytes, size_t count);

#endif
