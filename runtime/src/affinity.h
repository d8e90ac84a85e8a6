/* Which processors threads may run on. Only Linux tells and pins; elsewhere pinning is refused. */
#ifndef LW_AFFINITY_H
#define LW_AFFINITY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __linux__
#include <sched.h>
typedef cpu_set_t lw_affinity;
#else
typedef char lw_affinity;
#endif

/* The processors that the calling thread may use. */
bool lw_affinity_get(lw_affinity *allowed);

/* Allow a thread these processors. */
bool lw_affinity_set(pthread_t thread, const lw_affinity *allowed);

/* Allow a thread the `index`-th of these processors alone, counting round when there are fewer. */
bool lw_affinity_pin(pthread_t thread, const lw_affinity *allowed, uint32_t index);

#endif
