/* A pool of threads that run one function together, in stages. Thread 0 is the caller of
 * lw_pool_run.
 *
 * A stage has a number of work items that threads take from a shared counter, and it ends when all
 * items are done: not when all threads have come by. A thread that does not get a processor holds
 * nobody up unless it has taken an item; when it runs again it finds the stages that it missed
 * complete, and joins the current one. The function must therefore go through the same stages on
 * every thread, whether it takes items or not. With one thread nothing is shared.
 *
 * Nor does it hold anybody up with items that it took tentatively: another thread does them again
 * (backup tasks: Dean and Ghemawat, MapReduce, OSDI 2004, section 3.6). Both keep the results to
 * themselves, the first to finish commits them, and the other drops its own. */
#ifndef LW_THREADS_H
#define LW_THREADS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "affinity.h"
#include "profile.h"

enum { LW_MAX_THREADS = 256, LW_CACHE_LINE = 64, LW_MAX_JOB_BYTES = 64 };

typedef struct lw_pool lw_pool;

/* One thread's way through the stages of a job. */
typedef struct {
    lw_pool *pool;
    uint32_t thread; /* 0 .. threads - 1 */
    uint32_t stage;
    uint32_t taken; /* items in work that will count as done */
    uint32_t next;  /* item, when there is one thread */
    uint32_t owner; /* of the tentative share in work: a thread */
    uint32_t begin; /* of that share */
    uint32_t size;
    bool backup;   /* take shares of threads that are late */
    lw_laps *laps; /* or NULL */
} lw_turn;

/* job: this thread's copy of what lw_pool_run was given. Memory that the job points to is the
 * caller's again once all stages are complete: only code that works on an item may touch it. */
typedef void lw_pool_fn(void *context, lw_turn *turn, const void *job);

/* Of one thread. */
typedef struct {
    _Alignas(LW_CACHE_LINE) _Atomic uint64_t tentative; /* share in work, see threads.c */
    pthread_t handle;
    lw_pool *pool;
    uint32_t index;
} lw_worker;

/* Fields are private to threads.c. What all threads write lies in cache lines of its own. */
struct lw_pool {
    lw_pool_fn *function;
    void *context;
    lw_worker *workers; /* [threads], the caller's first */
    uint32_t threads;
    atomic_uint spin_ns;
    bool pinned;
    lw_affinity caller_affinity;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping;        /* guarded by mutex, as are the next three */
    uint32_t first_stage; /* of the job */
    size_t job_bytes;
    _Alignas(LW_CACHE_LINE) uint8_t job[LW_MAX_JOB_BYTES];
    _Alignas(LW_CACHE_LINE) atomic_uint jobs; /* started so far */
    atomic_uint sleepers;
    _Alignas(LW_CACHE_LINE) _Atomic uint64_t state; /* current stage << 32 | next item */
    _Alignas(LW_CACHE_LINE) atomic_uint done;       /* items of the current stage */
};

/* Start threads - 1 workers; `workers` are the records of all threads, the caller included. pin:
 * also pin thread i to the i-th processor that the caller may use, the caller (thread 0) until
 * lw_pool_stop. Returns false, with nothing left running, when a thread cannot be started or
 * pinned. */
bool lw_pool_start(lw_pool *pool, lw_worker *workers, uint32_t threads, bool pin,
                   lw_pool_fn *function, void *context);
void lw_pool_stop(lw_pool *pool);

/* Run function(context, turn, job) on all threads, and return when its stages are complete. The job
 * is copied. */
void lw_pool_run(lw_pool *pool, const void *job, size_t job_bytes);

/* Take one of the stage's items [0, total), or a share of them that shrinks towards the end, but
 * not below `grain` (except for the last); what was taken before counts as done. total and grain
 * are at least 1 and the same on all threads. Returns false when none is left. */
bool lw_take_one(lw_turn *turn, uint32_t total, uint32_t *item);
bool lw_take_share(lw_turn *turn, uint32_t total, uint32_t grain, uint32_t *begin, uint32_t *end);

/* With several threads, lw_take_share for items that another thread may do again, with the same
 * results, and that may be overtaken: until lw_commit, write only to this thread's own memory, and
 * before relying on what earlier stages wrote, copy it there and make sure by lw_overtaken that the
 * copy is whole. */
bool lw_take_tentative(lw_turn *turn, uint32_t total, uint32_t grain, uint32_t *begin,
                       uint32_t *end);

/* Whether the stage is complete without this thread, so that memory that it reads or has read may
 * belong to a later stage: then take the next share. */
bool lw_overtaken(lw_turn *turn);

/* Returns true when the results of the share are the first: before the next take, write them to
 * where later stages read them. Otherwise drop them. */
bool lw_commit(lw_turn *turn);

/* After a take that returned false: wait until the stage is complete, see what its items wrote, go
 * on to the next, and return true. Returns false when the wait was long and tentative shares are
 * out: take from the same stage again, and then come back. */
bool lw_finish_stage(lw_turn *turn);

#endif
