/* The thread pool: barriers keep all threads in step and show each other's writes; work is handed
 * out exactly once. */
#include <string.h>
#include <time.h>

#include "check.h"
#include "threads.h"

enum { ROUNDS = 2000, ITEMS = 97, MOST_THREADS = 8 };

typedef struct {
    lw_pool pool;
    lw_worker workers[MOST_THREADS];
    uint32_t threads;
    uint32_t rounds;
    uint32_t cells[MOST_THREADS * 16]; /* plain memory: only the barrier orders accesses to it */
    uint8_t taken[ITEMS];
    bool by_one;
} fixture;

/* Each thread writes its cell, then reads all of them: a barrier that lets one thread through early
 * is seen here. */
static void keep_in_step(void *context, uint32_t thread) {
    fixture *f = context;
    for (uint32_t round = 1; round <= f->rounds; round++) {
        f->cells[thread * 16] = round;
        lw_pool_barrier(&f->pool);
        for (uint32_t i = 0; i < f->threads; i++)
            CHECK_EQUAL(f->cells[i * 16], round);
        lw_pool_barrier(&f->pool);
    }
}

static void take_items(void *context, uint32_t thread) {
    fixture *f = context;
    (void)thread;
    for (uint32_t round = 0; round < f->rounds; round++) {
        uint32_t begin, end;
        while (f->by_one ? lw_pool_take_one(&f->pool, ITEMS, &begin)
                         : lw_pool_take_share(&f->pool, ITEMS, &begin, &end)) {
            if (f->by_one)
                end = begin + 1;
            CHECK(begin < end && end <= ITEMS);
            for (uint32_t i = begin; i < end; i++)
                f->taken[i]++;
        }
        lw_pool_barrier(&f->pool);
    }
}

static fixture *start(uint32_t threads, bool pin, lw_pool_fn *function) {
    fixture *f = allocate_aligned(sizeof *f);
    memset(f, 0, sizeof *f);
    f->threads = threads;
    f->rounds = ROUNDS;
    CHECK(lw_pool_start(&f->pool, f->workers, threads, pin, function, f));
    return f;
}

static void stop(fixture *f) {
    lw_pool_stop(&f->pool);
    free(f);
}

static void test_barrier(uint32_t threads) {
    fixture *f = start(threads, false, keep_in_step);
    lw_pool_run(&f->pool);
    /* Short runs with pauses, in which the workers fall asleep and must be woken. */
    f->rounds = 1;
    const struct timespec pause = {0, 200000};
    for (int i = 0; i < 200; i++) {
        lw_pool_run(&f->pool);
        if (i % 2)
            nanosleep(&pause, NULL);
    }
    stop(f);
}

static void test_sharing(uint32_t threads, bool by_one) {
    fixture *f = start(threads, false, take_items);
    f->rounds = 250; /* below 256: `taken` counts in bytes */
    f->by_one = by_one;
    lw_pool_run(&f->pool);
    for (uint32_t i = 0; i < ITEMS; i++)
        CHECK_EQUAL(f->taken[i], 250);
    stop(f);
}

#ifdef __linux__
static void test_pinning(void) {
    lw_affinity before, during, after;
    CHECK(lw_affinity_get(&before));
    fixture *f = start(3, true, keep_in_step);
    CHECK(lw_affinity_get(&during));
    CHECK_EQUAL(CPU_COUNT(&during), 1);
    lw_pool_run(&f->pool);
    stop(f);
    CHECK(lw_affinity_get(&after));
    CHECK(CPU_EQUAL(&before, &after));
}
#endif

int main(void) {
    for (uint32_t threads = 1; threads <= MOST_THREADS; threads++) {
        test_barrier(threads);
        test_sharing(threads, true);
        test_sharing(threads, false);
    }
#ifdef __linux__
    test_pinning();
#endif
    return 0;
}
