/* Tentative shares: a thread that does not come back with one holds nobody up, each share is
 * committed once, and a thread that was overtaken notices. */
#include <sched.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "threads.h"

enum { ITEMS = 61, MOST_THREADS = 5, SPIN_NS = 1000, DELAY_NS = 50000 };

typedef struct {
    lw_pool pool;
    lw_worker workers[MOST_THREADS];
    atomic_uint holding;  /* threads that hold a share back */
    atomic_uint released; /* and may go on with it */
    atomic_uint commits;
    atomic_uint overtaken;
    /* of even and odd rounds; atomic, since who is overtaken reads what others write */
    atomic_uint cells[2][ITEMS];
    atomic_uint runs[ITEMS];
} fixture;

static void wait_for(atomic_uint *count, uint32_t value) {
    while (atomic_load(count) < value)
        sched_yield();
}

/* A pool with more threads than processors would not spin, and then nobody is found to be late. */
static fixture *start(uint32_t threads, lw_pool_fn *function) {
    fixture *f = allocate_aligned(sizeof *f);
    memset(f, 0, sizeof *f);
    CHECK(lw_pool_start(&f->pool, f->workers, threads, false, function, f));
    atomic_store(&f->pool.spin_ns, SPIN_NS);
    return f;
}

static void stop(fixture *f) {
    lw_pool_stop(&f->pool);
    free(f);
}

/* Further stages, which a thread that was overtaken finds complete. */
static void pass_stages(lw_turn *turn, uint32_t stages) {
    uint32_t item;
    for (uint32_t i = 0; i < stages; i++) {
        while (lw_take_one(turn, 1, &item))
            ;
        CHECK(lw_finish_stage(turn));
    }
}

/* Take an item each; the worker holds its own back, and the caller does it again, which counts as
 * such and not as a wait. */
static void hold_back(void *context, lw_turn *turn, const void *job) {
    fixture *f = context;
    lw_profile profile = {{0}, {0}};
    lw_laps laps = {&profile, lw_clock_ns()};
    uint32_t begin, end, backups = 0;
    (void)job;
    turn->laps = &laps;
    if (turn->thread == 0)
        wait_for(&f->holding, 1);
    do {
        while (lw_take_tentative(turn, 2, 1, &begin, &end)) {
            CHECK_EQUAL(end, begin + 1);
            if (turn->thread == 1) {
                CHECK(!lw_overtaken(turn));
                atomic_store(&f->holding, 1);
                wait_for(&f->released, 1);
                CHECK(lw_overtaken(turn));
                CHECK(!lw_commit(turn));
                atomic_fetch_add(&f->overtaken, 1);
            } else {
                backups += turn->backup;
                CHECK(!lw_overtaken(turn));
                CHECK(lw_commit(turn));
                atomic_fetch_add(&f->commits, 1);
            }
        }
    } while (!lw_finish_stage(turn));
    CHECK_EQUAL(backups, turn->thread == 0);
    CHECK_EQUAL(profile.count[LW_PROFILE_REDONE], backups);
    CHECK_EQUAL(profile.count[LW_PROFILE_WAITING], 1 + backups);
    pass_stages(turn, 100);
}

/* The caller has the results while the worker still holds its share. */
static void test_owner_is_late(void) {
    fixture *f = start(2, hold_back);
    lw_pool_run(&f->pool, f, 0);
    CHECK_EQUAL(atomic_load(&f->commits), 2);
    CHECK_EQUAL(atomic_load(&f->overtaken), 0);
    atomic_store(&f->released, 1);
    wait_for(&f->overtaken, 1);
    stop(f);
}

/* The caller does the worker's share again, but the worker is faster after all. */
static void lose_race(void *context, lw_turn *turn, const void *job) {
    fixture *f = context;
    uint32_t begin, end;
    (void)job;
    if (turn->thread == 0)
        wait_for(&f->holding, 1);
    do {
        while (lw_take_tentative(turn, 2, 1, &begin, &end)) {
            if (turn->thread == 1) {
                atomic_store(&f->holding, 1);
                wait_for(&f->released, 1);
            } else if (turn->backup) {
                atomic_store(&f->released, 1);
                wait_for(&f->commits, 2);
                CHECK(!lw_commit(turn));
                continue;
            }
            CHECK(lw_commit(turn));
            atomic_fetch_add(&f->commits, 1);
        }
    } while (!lw_finish_stage(turn));
    pass_stages(turn, 100);
}

static void test_backup_is_late(void) {
    fixture *f = start(2, lose_race);
    lw_pool_run(&f->pool, f, 0);
    CHECK_EQUAL(atomic_load(&f->released), 1);
    CHECK_EQUAL(atomic_load(&f->commits), 2);
    stop(f);
}

static void delay_sometimes(uint64_t *random) {
    const struct timespec delay = {0, DELAY_NS};
    if (random_below(random, 32) == 0)
        nanosleep(&delay, NULL);
}

/* Each round writes `round` into its cells, from a copy of the cells of the round before, in which
 * an overwritten cell would be seen. */
static void run_rounds(void *context, lw_turn *turn, const void *job) {
    fixture *f = context;
    const uint32_t rounds = *(const uint32_t *)job;
    uint64_t random = turn->thread + 1;
    uint32_t begin, end, copy[ITEMS], results[ITEMS];
    for (uint32_t round = 1; round <= rounds; round++) {
        do {
            while (lw_take_tentative(turn, ITEMS, 2, &begin, &end)) {
                CHECK(begin < end && end <= ITEMS);
                delay_sometimes(&random);
                for (uint32_t i = 0; i < ITEMS; i++)
                    copy[i] =
                        atomic_load_explicit(&f->cells[(round - 1) % 2][i], memory_order_relaxed);
                if (lw_overtaken(turn))
                    continue;
                delay_sometimes(&random);
                for (uint32_t i = begin; i < end; i++) {
                    CHECK_EQUAL(copy[ITEMS - 1 - i], round - 1);
                    results[i] = copy[i] + 1;
                }
                if (!lw_commit(turn))
                    continue;
                for (uint32_t i = begin; i < end; i++) {
                    atomic_store_explicit(&f->cells[round % 2][i], results[i],
                                          memory_order_relaxed);
                    atomic_fetch_add_explicit(&f->runs[i], 1, memory_order_relaxed);
                }
            }
        } while (!lw_finish_stage(turn));
    }
}

static void test_rounds(uint32_t threads) {
    fixture *f = start(threads, run_rounds);
    const uint32_t rounds = 2000;
    lw_pool_run(&f->pool, &rounds, sizeof rounds);
    for (uint32_t i = 0; i < ITEMS; i++) {
        CHECK_EQUAL(atomic_load(&f->cells[rounds % 2][i]), rounds);
        CHECK_EQUAL(atomic_load(&f->runs[i]), rounds);
    }
    stop(f);
}

int main(void) {
    test_owner_is_late();
    test_backup_is_late();
    for (uint32_t threads = 2; threads <= MOST_THREADS; threads++)
        test_rounds(threads);
    return 0;
}
