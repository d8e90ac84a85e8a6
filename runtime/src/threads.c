#include "threads.h"

#include <signal.h>
#include <string.h>

#include "lutwerk/lutwerk.h"

enum {
    LATE_NS = 30000,    /* longer than most waits between stages */
    SPIN_NS = 100000,   /* far shorter than a time slice, but longer than to sleep and wake */
    SPINS_A_CLOCK = 64, /* reading the clock takes as long as a few pauses */
    SHARE_MULTIPLE =
        4, /* kernels that share table loads between row tiles take this many at once */
};

/* lw_worker.tentative is 0, or stage << 32 | begin + 1 of a share that is not committed, and this
 * bit when a second thread does it, too. */
static const uint64_t BACKED_UP = 1u << 31;

static uint64_t share_key(uint32_t stage, uint32_t begin) {
    return (uint64_t)stage << 32 | (begin + 1);
}

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

static bool spin_until(lw_pool *pool, condition *holds, uint32_t value, uint32_t ns) {
    uint64_t now, deadline = 0;
    if (ns == 0)
        return holds(pool, value);
    do {
        for (int i = 0; i < SPINS_A_CLOCK; i++) {
            if (holds(pool, value))
                return true;
            pause_briefly();
        }
        now = lw_clock_ns();
        if (deadline == 0)
            deadline = now + ns;
    } while (now < deadline);
    return false;
}

/* A sleeper registers before it looks at the condition a last time, and a waker makes the condition
 * true before it looks for sleepers; both are sequentially consistent, so that at least one sees
 * the other. */
static void sleep_until(lw_pool *pool, condition *holds, uint32_t value) {
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!holds(pool, value))
        pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

/* The last item of a stage is done: open the next stage. By an exchange: QEMU 7.2 lets the load of
 * `sleepers` pass a store, since it gives AArch64's STLR and LDAR no barrier between them. The
 * fence is for lw_overtaken: who sees what a later stage writes, sees that it has begun. */
static void advance_stage(lw_pool *pool, uint32_t stage) {
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    atomic_exchange(&pool->state, (uint64_t)(stage + 1) << 32);
    atomic_thread_fence(memory_order_release);
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

static bool is_open(uint64_t share, uint32_t stage) {
    return share != 0 && (uint32_t)(share >> 32) == stage && !(share & BACKED_UP);
}

static bool find_open_share(const lw_turn *turn, uint32_t *owner, uint64_t *share) {
    const lw_pool *pool = turn->pool;
    for (uint32_t i = 0; i < pool->threads; i++) {
        const uint64_t found = atomic_load(&pool->workers[i].tentative);
        if (is_open(found, turn->stage)) {
            *owner = i;
            *share = found;
            return true;
        }
    }
    return false;
}

/* The end of a share follows from its begin. */
static bool take_backup(lw_turn *turn, uint32_t total, uint32_t grain) {
    lw_pool *pool = turn->pool;
    uint64_t share;
    count_done(turn, total);
    while (find_open_share(turn, &turn->owner, &share))
        if (atomic_compare_exchange_strong(&pool->workers[turn->owner].tentative, &share,
                                           share | BACKED_UP)) {
            turn->begin = (uint32_t)share - 1;
            turn->size = share_of(total - turn->begin, grain, pool->threads);
            return true;
        }
    turn->backup = false;
    lw_lap(turn->laps, LW_PROFILE_REDONE);
    return false;
}

static bool take_open(lw_turn *turn, uint32_t total, uint32_t grain) {
    uint32_t end;
    if (!take(turn, total, grain, &turn->begin, &end))
        return false;
    turn->size = end - turn->begin;
    if (turn->pool->threads == 1)
        return true;
    turn->taken = 0;
    turn->owner = turn->thread;
    atomic_store_explicit(&turn->pool->workers[turn->thread].tentative,
                          share_key(turn->stage, turn->begin), memory_order_release);
    return true;
}

bool lw_take_tentative(lw_turn *turn, uint32_t total, uint32_t grain, uint32_t *begin,
                       uint32_t *end) {
    const bool taken =
        turn->backup ? take_backup(turn, total, grain) : take_open(turn, total, grain);
    *begin = turn->begin;
    *end = turn->begin + turn->size;
    return taken;
}

bool lw_overtaken(lw_turn *turn) {
    if (turn->pool->threads == 1)
        return false;
    atomic_thread_fence(memory_order_acquire);
    return stage_passed(turn->pool, turn->stage);
}

bool lw_commit(lw_turn *turn) {
    _Atomic uint64_t *tentative = &turn->pool->workers[turn->owner].tentative;
    const uint64_t key = share_key(turn->stage, turn->begin);
    uint64_t share = atomic_load(tentative);
    while ((share & ~BACKED_UP) == key)
        if (atomic_compare_exchange_weak(tentative, &share, 0)) {
            turn->taken = turn->size;
            return true;
        }
    return false;
}

/* Returns false when there are shares to take again. */
static bool wait_for_stage(lw_turn *turn) {
    lw_pool *pool = turn->pool;
    const uint32_t spin_ns = atomic_load_explicit(&pool->spin_ns, memory_order_relaxed);
    const uint32_t late_ns = spin_ns < LATE_NS ? spin_ns : LATE_NS;
    uint32_t owner;
    uint64_t share;
    if (spin_until(pool, stage_passed, turn->stage, late_ns))
        return true;
    if (spin_ns > 0 && find_open_share(turn, &owner, &share))
        return false;
    if (!spin_until(pool, stage_passed, turn->stage, spin_ns - late_ns))
        sleep_until(pool, stage_passed, turn->stage);
    return true;
}

bool lw_finish_stage(lw_turn *turn) {
    if (turn->pool->threads > 1) {
        turn->backup = !wait_for_stage(turn);
        lw_lap(turn->laps, LW_PROFILE_WAITING);
        if (turn->backup)
            return false;
    }
    turn->stage++;
    turn->next = 0;
    return true;
}

/* A worker copies the job under the mutex: the caller may be on its next job before a slow worker
 * has woken. */
static void *work(void *argument) {
    const lw_worker *worker = argument;
    lw_pool *pool = worker->pool;
    _Alignas(LW_CACHE_LINE) uint8_t job[LW_MAX_JOB_BYTES];
    for (uint32_t seen = 0;;) {
        if (!spin_until(pool, job_arrived, seen, atomic_load(&pool->spin_ns)))
            sleep_until(pool, job_arrived, seen);
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
        if (!lw_affinity_pin(pool->workers[i].handle, &pool->caller_affinity, i))
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
    atomic_init(&pool->spin_ns, threads <= lw_cpu_count() ? SPIN_NS : 0);
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
    for (uint32_t i = 0; i < threads; i++)
        atomic_init(&workers[i].tentative, 0);
    for (pool->threads = 1; pool->threads < threads; pool->threads++) {
        lw_worker *worker = &workers[pool->threads];
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
        pthread_join(pool->workers[i].handle, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    if (pool->pinned)
        lw_affinity_set(pthread_self(), &pool->caller_affinity);
}
