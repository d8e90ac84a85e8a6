/* The thread pool: each item of a stage runs once, a stage sees all that the stages before it
 * wrote, and no thread touches a job after it has returned. */
#include <sched.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "threads.h"

enum { ITEMS = 97, MOST_THREADS = 8 };

typedef struct {
    lw_pool pool;
    lw_worker workers[MOST_THREADS];
    uint32_t cells[ITEMS]; /* plain memory: only the ends of stages order accesses to it */
    uint32_t runs[ITEMS];
} fixture;

typedef struct {
    uint32_t rounds;
    bool by_one;
    const uint32_t *start; /* memory that is gone after the job */
} job;

static bool take(lw_turn *turn, bool by_one, uint32_t *begin, uint32_t *end) {
    if (!by_one)
        return lw_take_share(turn, ITEMS, 3, begin, end);
    const bool taken = lw_take_one(turn, ITEMS, begin);
    *end = *begin + 1;
    return taken;
}

/* In each round the items write their cells, and then all read the cells of all. */
static void write_and_read(void *context, lw_turn *turn, const void *job_copy) {
    fixture *f = context;
    const job *j = job_copy;
    uint32_t begin, end;
    for (uint32_t round = 1; round <= j->rounds; round++) {
        while (take(turn, j->by_one, &begin, &end)) {
            CHECK(begin < end && end <= ITEMS);
            CHECK(j->by_one || end - begin >= 3 || end == ITEMS);
            for (uint32_t i = begin; i < end; i++) {
                f->cells[i] = *j->start + round;
                f->runs[i]++;
            }
        }
        lw_finish_stage(turn);
        while (take(turn, j->by_one, &begin, &end))
            for (uint32_t i = 0; i < ITEMS; i++)
                CHECK_EQUAL(f->cells[i], *j->start + round);
        lw_finish_stage(turn);
    }
}

static fixture *start(uint32_t threads, bool pin) {
    fixture *f = allocate_aligned(sizeof *f);
    memset(f, 0, sizeof *f);
    CHECK(lw_pool_start(&f->pool, f->workers, threads, pin, write_and_read, f));
    return f;
}

static void stop(fixture *f) {
    lw_pool_stop(&f->pool);
    free(f);
}

/* The job and what it points to are freed at once, so that a late worker that still used them would
 * be seen. */
static void run(fixture *f, uint32_t rounds, bool by_one) {
    static uint32_t start_value;
    uint32_t *memory = allocate_aligned(sizeof *memory);
    *memory = start_value += 1000000;
    job *j = allocate_aligned(sizeof *j);
    *j = (job){rounds, by_one, memory};
    memset(f->runs, 0, sizeof f->runs);
    lw_pool_run(&f->pool, j, sizeof *j);
    for (uint32_t i = 0; i < ITEMS; i++)
        CHECK_EQUAL(f->runs[i], rounds);
    free(j);
    free(memory);
}

static void test_stages(uint32_t threads) {
    fixture *f = start(threads, false);
    run(f, 500, true);
    run(f, 2000, false);
    /* Short jobs with pauses, in which the workers fall asleep and must be woken, or come too late.
     */
    const struct timespec pause = {0, 200000};
    for (int i = 0; i < 400; i++) {
        run(f, 1, i % 2);
        if (i % 4 == 0)
            nanosleep(&pause, NULL);
    }
    stop(f);
    stop(start(threads, false));
}

typedef struct {
    lw_pool pool;
    lw_worker workers[2];
    atomic_uint arrivals;
} pair;

/* Both threads take an item of each stage. The caller ends its item after a random while, so that
 * in some stages the worker falls asleep just when the caller opens the next one. */
static void meet(void *context, lw_turn *turn, const void *job_copy) {
    enum { LONGEST = 400, SPINS = 1000 };
    pair *p = context;
    const uint32_t rounds = *(const uint32_t *)job_copy;
    volatile uint32_t ticks;
    uint32_t item, random = 1;
    for (uint32_t round = 1; round <= rounds; round++) {
        while (lw_take_one(turn, 2, &item)) {
            atomic_fetch_add(&p->arrivals, 1);
            for (uint32_t i = 0; atomic_load(&p->arrivals) < 2 * round; i++)
                if (i > SPINS)
                    sched_yield();
            random = random * 1664525 + 1013904223;
            ticks = turn->thread == 0 ? (random >> 16) % LONGEST : 0;
            while (ticks > 0)
                ticks--;
        }
        lw_finish_stage(turn);
    }
}

/* A wake-up that is lost hangs the test. */
static void test_falling_asleep(void) {
    pair *p = allocate_aligned(sizeof *p);
    memset(p, 0, sizeof *p);
    const uint32_t rounds = 100000;
    CHECK(lw_pool_start(&p->pool, p->workers, 2, false, meet, p));
    atomic_store(&p->pool.spin_ns, 0);
    lw_pool_run(&p->pool, &rounds, sizeof rounds);
    CHECK_EQUAL(atomic_load(&p->arrivals), 2 * rounds);
    lw_pool_stop(&p->pool);
    free(p);
}

#ifdef __linux__
static void test_pinning(void) {
    lw_affinity before, during, after;
    CHECK(lw_affinity_get(&before));
    fixture *f = start(3, true);
    CHECK(lw_affinity_get(&during));
    CHECK_EQUAL(CPU_COUNT(&during), 1);
    run(f, 100, false);
    stop(f);
    CHECK(lw_affinity_get(&after));
    CHECK(CPU_EQUAL(&before, &after));
}
#endif

int main(void) {
    for (uint32_t threads = 1; threads <= MOST_THREADS; threads++)
        test_stages(threads);
    test_falling_asleep();
#ifdef __linux__
    test_pinning();
#endif
    return 0;
}
