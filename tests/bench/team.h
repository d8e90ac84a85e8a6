/* Timing on one or several threads, and memory on pages of a known size. */
#ifndef TEAM_H
#define TEAM_H

#include <stdbool.h>
#include <stddef.h>

enum { MAX_THREADS = 256 };

/* One thread's part of one timing; `thread` counts from 0 to threads - 1. */
typedef void part_fn(void *context, int thread, int repeat);

/* Run `part` on `threads` threads at once, `repeats` times, and return the shortest time in
 * seconds: of the processor for one thread (of the wall clock, other processes would take their
 * part), else of the wall clock, from the common start to the last end. */
double best_seconds(int threads, int repeats, part_fn *part, void *context);

/* 2 MB aligned memory for free(), or the end of the program. `huge`: on 2 MB pages where the system
 * has them, else on 4 KB pages. */
void *allocate(size_t bytes, bool huge);

/* Whether the system gives 2 MB pages to a program that asks. */
bool have_huge_pages(void);

#endif
