/* The bytes of model.lw in memory. */
#ifndef RUNNER_WEIGHTS_H
#define RUNNER_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>

/* Map the file at `path` read-only, or, to `copy`, read it into memory of its own: that takes the
 * room and the time of a copy, but lies in huge pages where the system has them, from which weights
 * are read faster. Give it back with munmap. Returns CODE_DONE, or the exit code of a fault that
 * was reported. */
int weights_open(const char *path, bool copy, void **data, size_t *bytes);

#endif
