#define _DEFAULT_SOURCE
#include "team.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef struct {
    pthread_barrier_t begin;
    pthread_barrier_t end;
    part_fn *part;
    void *context;
    int repeats;
} team;

typedef struct {
    team *of;
    pthread_t thread;
    int index;
} member;

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double smaller(double a, double b) {
    return a < b ? a : b;
}

static void *help(void *argument) {
    const member *self = argument;
    for (int r = 0; r < self->of->repeats; r++) {
        pthread_barrier_wait(&self->of->begin);
        self->of->part(self->of->context, self->index, r);
        pthread_barrier_wait(&self->of->end);
    }
    return NULL;
}

static double best_alone(int repeats, part_fn *part, void *context) {
    double best = 1e9;
    for (int r = 0; r < repeats; r++) {
        const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
        part(context, 0, r);
        best = smaller(best, seconds(CLOCK_THREAD_CPUTIME_ID) - start);
    }
    return best;
}

double best_seconds(int threads, int repeats, part_fn *part, void *context) {
    if (threads == 1) {
        return best_alone(repeats, part, context);
    }
    team all = {.part = part, .context = context, .repeats = repeats};
    member helpers[MAX_THREADS];
    pthread_barrier_init(&all.begin, NULL, (unsigned)threads);
    pthread_barrier_init(&all.end, NULL, (unsigned)threads);
    for (int i = 1; i < threads; i++) {
        helpers[i] = (member){.of = &all, .index = i};
        if (pthread_create(&helpers[i].thread, NULL, help, &helpers[i]) != 0) {
            fprintf(stderr, "bench_kernels: the system refuses %d threads; ask for fewer\n",
                    threads);
            exit(EXIT_FAILURE);
        }
    }
    double best = 1e9;
    for (int r = 0; r < repeats; r++) {
        pthread_barrier_wait(&all.begin);
        const double start = seconds(CLOCK_MONOTONIC);
        part(context, 0, r);
        pthread_barrier_wait(&all.end);
        best = smaller(best, seconds(CLOCK_MONOTONIC) - start);
    }
    for (int i = 1; i < threads; i++) {
        pthread_join(helpers[i].thread, NULL);
    }
    pthread_barrier_destroy(&all.begin);
    pthread_barrier_destroy(&all.end);
    return best;
}

void *allocate(size_t bytes, bool huge) {
    const size_t page = (size_t)2 << 20;
    const size_t whole = (bytes + page - 1) / page * page;
    void *memory = aligned_alloc(page, whole);
    if (memory == NULL) {
        fprintf(stderr, "bench_kernels: no memory for %zu bytes; try a smaller shape\n", bytes);
        exit(EXIT_FAILURE);
    }
    /* advice that a kernel without transparent huge pages refuses: it has 4 KB pages then */
    (void)madvise(memory, whole, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return memory;
}

bool have_huge_pages(void) {
    char modes[64] = "[never]";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (file != NULL) {
        if (fgets(modes, sizeof modes, file) == NULL) {
            modes[0] = '\0';
        }
        fclose(file);
    }
    return strstr(modes, "[always]") != NULL || strstr(modes, "[madvise]") != NULL;
}
