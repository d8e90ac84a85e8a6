#include "threads.h"

#include <signal.h>
#include <string.h>

#include "lutwerk/lutwerk.h"

enum {
    SPIN_NS = 30000,    /* longer than most waits between stages, far shorter than a time slice */
    SPINS_A_CLOCK = 64, /* reading the clock takes as long as a few pauses */
    SHARE_MULTIPLE =
        4, /* kernels that share table loads between row tiles take this many at once */
};

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

static bool stage_passed(lw_pool *pool, uint32_t stage) {
    return (uint32_t)(atomic_load(&pool->state) >> 32) != stage;
}

static bool job_arrived(lw_pool *pool, uint32_t seen) {
    return atomic_load(&pool->jobs) != seen;
}

typedef bool condition(lw_pool *pool, uint32_t value);

static bool spin_until(lw_pool *pool, condition *holds, uint32_t value) {
    uint64_t now, deadline = 0;
    do {
        for (int i = 0; i < SPINS_A_CLOCK; i++) {
            if (holds(pool, value))
                return true;
            pause_briefly();
        }
        now = lw_clock_ns();
        if (deadline == 0)
            deadline = now + pool->spin_ns;
    } while (now < deadline);
    return false;
}

/* Spin for a while, then sleep. A sleeper registers before it looks at the condition a last time,
 * and a waker makes the condition true before it looks for sleepers; both are sequentially
 * consistent, so that at least one sees the other. */
static void wait_until(lw_pool *pool, condition *holds, uint32_t value) {
    if (holds(pool, value) || (pool->spin_ns > 0 && spin_until(pool, holds, value)))
        return;
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!holds(pool, value))
        pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

/* The last item of a stage is done: open the next stage. By an exchange: QEMU 7.2 lets the load of
 * `sleepers` pass a store, since it gives AArch64's STLR and LDAR no barrier between them. */
static void advance_stage(lw_pool *pool, uint32_t stage) {
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    atomic_exchange(&pool->state, (uint64_t)(stage + 1) << 32);
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
    }
}

static void count_done(lw_turn *turn, uint32_t total) {
    if (turn->taken == 0)
        return;
    const uint32_t taken = turn->taken;
    turn->taken = 0;
    if (atomic_fetch_add(&turn->pool->done, taken) + taken == total)
        advance_stage(turn->pool, turn->stage);
}

/* Guided self-scheduling: half of an even share of what is left (Polychronopoulos and Kuck, IEEE
 * ToC C-36, 1987). */
static uint32_t share_of(uint32_t left, uint32_t grain, uint32_t threads) {
    uint32_t share = left / (2 * threads);
    if (share >= SHARE_MULTIPLE)
        share = share / SHARE_MULTIPLE * SHARE_MULTIPLE;
    share = share > grain ? share : grain;
    return share < left ? share : left;
}

/* A grain of 0 takes one item. */
static bool take(lw_turn *turn, uint32_t total, uint32_t grain, uint32_t *begin, uint32_t *end) {
    lw_pool *pool = turn->pool;
    if (pool->threads == 1) {
        *begin = turn->next;
        *end = grain == 0 ? turn->next + 1 : total;
        turn->next = *end;
        return *begin < total;
    }
    count_done(turn, total);
    uint64_t state = atomic_load_explicit(&pool->state, memory_order_acquire);
    uint32_t size;
    do {
        const uint32_t next = (uint32_t)state;
        if ((uint32_t)(state >> 32) != turn->stage || next >= total)
            return false;
        size = grain == 0 ? 1 : share_of(total - next, grain, pool->threads);
        *begin = next;
        *end = next + size;
    } while (!atomic_compare_exchange_weak_explicit(&pool->state, &state, state + size,
                                                    memory_order_acq_rel, memory_order_acquire));
    turn->taken = size;
    return true;
}

bool lw_take_one(lw_turn *turn, uint32_t total, uint32_t *item) {
    uint32_t end;
    return take(turn, total, 0, item, &end);
}

bool lw_take_share(lw_turn *turn, uint32_t total, uint32_t grain, uint32_t *begin, uint32_t *end) {
    return take(turn, total, grain, begin, end);
}

void lw_finish_stage(lw_turn *turn) {
    if (turn->pool->threads > 1) {
        wait_until(turn->pool, stage_passed, turn->stage);
        lw_lap(turn->laps, LW_PROFILE_WAITING);
    }
    turn->stage++;
    turn->next = 0;
}

/* A worker copies the job under the mutex: the caller may be on its next job before a slow worker
 * has woken. */
static void *work(void *argument) {
    const lw_worker *worker = argument;
    lw_pool *pool = worker->pool;
    _Alignas(LW_CACHE_LINE) uint8_t job[LW_MAX_JOB_BYTES];
    for (uint32_t seen = 0;;) {
        wait_until(pool, job_arrived, seen);
        lw_turn turn = {.pool = pool, .thread = worker->index};
        pthread_mutex_lock(&pool->mutex);
        seen = atomic_load(&pool->jobs);
        turn.stage = pool->first_stage;
        memcpy(job, pool->job, pool->job_bytes);
        const bool stopping = pool->stopping;
        pthread_mutex_unlock(&pool->mutex);
        if (stopping)
            return NULL;
        pool->function(pool->context, &turn, job);
    }
}

/* Start a job, or stop the workers when there is none. Returns its first stage. */
static uint32_t announce(lw_pool *pool, const void *job, size_t job_bytes) {
    pthread_mutex_lock(&pool->mutex);
    pool->first_stage = (uint32_t)(atomic_load(&pool->state) >> 32);
    pool->stopping = !job;
    pool->job_bytes = job_bytes;
    if (job)
        memcpy(pool->job, job, job_bytes);
    atomic_fetch_add(&pool->jobs, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    return pool->first_stage;
}

void lw_pool_run(lw_pool *pool, const void *job, size_t job_bytes) {
    lw_turn turn = {.pool = pool};
    if (pool->threads > 1)
        turn.stage = announce(pool, job, job_bytes);
    pool->function(pool->context, &turn, job);
}

/* Signals are for the program's own threads: workers start with all of them blocked. */
static bool start_worker(lw_worker *worker) {
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    bool started = pthread_create(&worker->handle, NULL, work, worker) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static bool pin_all(lw_pool *pool) {
    if (!lw_affinity_get(&pool->caller_affinity) ||
        !lw_affinity_pin(pthread_self(), &pool->caller_affinity, 0))
        return false;
    pool->pinned = true;
    for (uint32_t i = 1; i < pool->threads; i++)
        if (!lw_affinity_pin(pool->workers[i - 1].handle, &pool->caller_affinity, i))
            return false;
    return true;
}

bool lw_pool_start(lw_pool *pool, lw_worker *workers, uint32_t threads, bool pin,
                   lw_pool_fn *function, void *context) {
    memset(pool, 0, sizeof *pool);
    pool->function = function;
    pool->context = context;
    pool->workers = workers;
    /* Spinning with more threads than processors keeps the thread that is waited for from running.
     */
    pool->spin_ns = threads <= lw_cpu_count() ? SPIN_NS : 0;
    atomic_init(&pool->jobs, 0);
    atomic_init(&pool->sleepers, 0);
    atomic_init(&pool->state, 0);
    atomic_init(&pool->done, 0);
    if (pthread_mutex_init(&pool->mutex, NULL) != 0)
        return false;
    if (pthread_cond_init(&pool->wake, NULL) != 0) {
        pthread_mutex_destroy(&pool->mutex);
        return false;
    }
    for (pool->threads = 1; pool->threads < threads; pool->threads++) {
        lw_worker *worker = &workers[pool->threads - 1];
        worker->pool = pool;
        worker->index = pool->threads;
        if (!start_worker(worker))
            break;
    }
    if (pool->threads < threads || (pin && !pin_all(pool))) {
        lw_pool_stop(pool);
        return false;
    }
    return true;
}

void lw_pool_stop(lw_pool *pool) {
    announce(pool, NULL, 0);
    for (uint32_t i = 1; i < pool->threads; i++)
        pthread_join(pool->workers[i - 1].handle, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    if (pool->pinned)
        lw_affinity_set(pthread_self(), &pool->caller_affinity);
}
