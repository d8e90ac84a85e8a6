#include "threads.h"

#include <signal.h>
#include <time.h>

#include "lutwerk/lutwerk.h"

enum {
    SPIN_NS = 30000, /* longer than most waits between operations, shorter than a scheduler's time
                        slice */
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

static uint64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool generation_passed(lw_pool *pool, uint32_t generation) {
    return atomic_load(&pool->generation) != generation;
}

static bool spin_until_passed(lw_pool *pool, uint32_t generation) {
    for (uint64_t deadline = 0; pool->spin_ns > 0;) {
        for (int i = 0; i < SPINS_A_CLOCK; i++) {
            if (generation_passed(pool, generation))
                return true;
            pause_briefly();
        }
        uint64_t now = clock_ns();
        if (deadline == 0)
            deadline = now + pool->spin_ns;
        else if (now >= deadline)
            break;
    }
    return generation_passed(pool, generation);
}

/* A sleeper registers before it looks at the generation a last time, and the waker advances the
 * generation before it looks for sleepers; both are sequentially consistent, so that at least one
 * of them sees the other. */
static void sleep_until_passed(lw_pool *pool, uint32_t generation) {
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!generation_passed(pool, generation))
        pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void pass_generation(lw_pool *pool) {
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
    }
}

void lw_pool_barrier(lw_pool *pool) {
    uint32_t generation = atomic_load(&pool->generation);
    uint32_t before = atomic_fetch_add(&pool->arrived, 1);
    if (before + 1 == atomic_load(&pool->threads)) {
        atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
        pass_generation(pool);
    } else if (!spin_until_passed(pool, generation)) {
        sleep_until_passed(pool, generation);
    }
}

/* Idle workers wait at a barrier that the caller completes. */
static void *work(void *argument) {
    const lw_worker *worker = argument;
    lw_pool *pool = worker->pool;
    for (;;) {
        lw_pool_barrier(pool);
        if (pool->stopping)
            return NULL;
        pool->function(pool->context, worker->index);
        lw_pool_barrier(pool);
    }
}

void lw_pool_run(lw_pool *pool) {
    lw_pool_barrier(pool);
    pool->function(pool->context, 0);
    lw_pool_barrier(pool);
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

static bool pin_all(lw_pool *pool, uint32_t threads) {
    if (!lw_affinity_get(&pool->caller_affinity) ||
        !lw_affinity_pin(pthread_self(), &pool->caller_affinity, 0))
        return false;
    pool->pinned = true;
    for (uint32_t i = 1; i < threads; i++)
        if (!lw_affinity_pin(pool->workers[i - 1].handle, &pool->caller_affinity, i))
            return false;
    return true;
}

bool lw_pool_start(lw_pool *pool, lw_worker *workers, uint32_t threads, bool pin,
                   lw_pool_fn *function, void *context) {
    pool->function = function;
    pool->context = context;
    pool->workers = workers;
    /* Spinning with more threads than processors keeps the thread that is waited for from running.
     */
    pool->spin_ns = threads <= lw_cpu_count() ? SPIN_NS : 0;
    pool->pinned = false;
    pool->stopping = false;
    atomic_init(&pool->threads, threads);
    atomic_init(&pool->arrived, 0);
    atomic_init(&pool->generation, 0);
    atomic_init(&pool->sleepers, 0);
    atomic_init(&pool->next, 0);
    if (pthread_mutex_init(&pool->mutex, NULL) != 0)
        return false;
    if (pthread_cond_init(&pool->wake, NULL) != 0) {
        pthread_mutex_destroy(&pool->mutex);
        return false;
    }
    uint32_t started = 1;
    for (; started < threads; started++) {
        lw_worker *worker = &workers[started - 1];
        worker->pool = pool;
        worker->index = started;
        if (!start_worker(worker))
            break;
    }
    /* Fewer than `threads` arrivals cannot have completed a barrier, so that the number may still
     * shrink. */
    atomic_store(&pool->threads, started);
    if (started < threads || (pin && !pin_all(pool, threads))) {
        lw_pool_stop(pool);
        return false;
    }
    return true;
}

void lw_pool_stop(lw_pool *pool) {
    pool->stopping = true;
    lw_pool_barrier(pool);
    uint32_t threads = atomic_load(&pool->threads);
    for (uint32_t i = 1; i < threads; i++)
        pthread_join(pool->workers[i - 1].handle, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    if (pool->pinned)
        lw_affinity_set(pthread_self(), &pool->caller_affinity);
}

bool lw_pool_take_one(lw_pool *pool, uint32_t total, uint32_t *item) {
    *item = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    return *item < total;
}

/* Guided self-scheduling: half of an even share of what is left (Polychronopoulos and Kuck, IEEE
 * ToC C-36, 1987). */
static uint32_t share_of(uint32_t left, uint32_t threads) {
    if (threads == 1)
        return left;
    uint32_t share = left / (2 * threads);
    return share >= SHARE_MULTIPLE ? share / SHARE_MULTIPLE * SHARE_MULTIPLE : share + (share == 0);
}

bool lw_pool_take_share(lw_pool *pool, uint32_t total, uint32_t *begin, uint32_t *end) {
    uint32_t threads = atomic_load_explicit(&pool->threads, memory_order_relaxed);
    uint32_t next = atomic_load_explicit(&pool->next, memory_order_relaxed);
    do {
        if (next >= total)
            return false;
        *begin = next;
        *end = next + share_of(total - next, threads);
    } while (!atomic_compare_exchange_weak_explicit(&pool->next, &next, *end, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}
