/* What this device has: processors worth using, and free memory, within the limits of the control
 * group that the program runs in.
 *
 * `root` is put before the paths that are read (/sys, /proc): "" but in tests. */
#ifndef RUNNER_DEVICE_H
#define RUNNER_DEVICE_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

/* Processors by speed. */
typedef struct {
    cpu_set_t allowed; /* that this process may use */
    cpu_set_t fast;    /* of these, with at least two thirds of the greatest capacity */
    uint32_t allowed_count, fast_count;
    uint32_t
        quota; /* processors' worth of time that the control group grants, rounded up; 0: all */
} device_cores;

/* The processors of this process; one, when the system does not tell. */
void device_read_cores(device_cores *cores);

/* Fill the rest from `allowed`. */
void device_rate_cores(const char *root, device_cores *cores);

/* Threads that a program should start when nobody says how many. */
uint32_t device_default_threads(const device_cores *cores);

/* Keep this process and its later threads on the fast processors, if they are enough for `threads`
 * threads. */
void device_use_fast_cores(const device_cores *cores, uint32_t threads);

/* Allow this thread all processors again. */
void device_use_all_cores(const device_cores *cores);

typedef struct {
    uint64_t total;     /* bytes that this process could ever have */
    uint64_t available; /* bytes that it can have now without pushing others out; 0: unknown */
} device_memory;

void device_read_memory(const char *root, device_memory *memory);

#endif
