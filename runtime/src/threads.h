/* A pool of threads that run one function together ("single program, multiple data"), with a
 * barrier and a shared counter that hands out work. Thread 0 is the caller. With one thread there
 * is no other thread and nothing waits.
 *
 * Between two barriers the threads share one range of work items: each takes items until none is
 * left, so that a processor that is busy with something else takes fewer and holds nobody up. */
#ifndef LW_THREADS_H
#define LW_THREADS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "affinity.h"

enum { LW_MAX_THREADS = 256, LW_CACHE_LINE = 64 };

typedef void lw_pool_fn(void *context, uint32_t thread);

typedef struct lw_pool lw_pool;

typedef struct {
    pthread_t handle;
    lw_pool *pool;
    uint32_t index;
} lw_worker;

/* Fields are private to threads.c. What all threads write lies in cache lines of its own. */
struct lw_pool {
    lw_pool_fn *function;
    void *context;
    lw_worker *workers; /* [threads - 1] */
    uint32_t spin_ns;
    bool pinned;
    bool stopping; /* written before a barrier, read after it */
    lw_affinity caller_affinity;
    atomic_uint threads;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    _Alignas(LW_CACHE_LINE) atomic_uint arrived;
    _Alignas(LW_CACHE_LINE) atomic_uint generation; /* of the barrier */
    atomic_uint sleepers;
    _Alignas(LW_CACHE_LINE) atomic_uint next; /* work item */
};

/* Start threads - 1 workers, whose records lie in `workers`. pin: also pin thread i to the i-th
 * processor that the caller may use, the caller (thread 0) until lw_pool_stop. Returns false, with
 * nothing left running, when a thread cannot be started or pinned. */
bool lw_pool_start(lw_pool *pool, lw_worker *workers, uint32_t threads, bool pin,
                   lw_pool_fn *function, void *context);
void lw_pool_stop(lw_pool *pool);

/* Run function(context, thread) on all threads and wait until all have returned. Between runs the
 * workers sleep. */
void lw_pool_run(lw_pool *pool);

/* Within the function: wait for all threads, see what they wrote, and start a new range of work
 * items at 0. */
void lw_pool_barrier(lw_pool *pool);

/* Within the function: take one of the items [0, total), or a share of them that shrinks towards
 * the end. Returns false when none is left. */
bool lw_pool_take_one(lw_pool *pool, uint32_t total, uint32_t *item);
bool lw_pool_take_share(lw_pool *pool, uint32_t total, uint32_t *begin, uint32_t *end);

#endif
