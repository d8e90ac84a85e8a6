/* What the kernel tests share: random numbers, memory between guard pages, comparison and reports.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- random numbers: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), one stream for the whole
 * run ---- */

void random_seed(uint64_t seed);

/* Run one of `share` cases of the matrix kernels; 1, before a call: all. */
void set_share(int32_t share);
/* Draw whether this case is one of them. */
bool skip_case(void);

uint64_t random_u64(void);
int32_t random_range(int32_t low, int32_t high); /* both included */
float random_float(void);                        /* -1..1 */
float random_special(void); /* any bits, or NaN, infinity, zero, a subnormal or a huge number */
void random_floats(float *values, size_t n, bool special);

/* ---- memory between guard pages ---- */

/* Where a buffer lies: directly behind the guard page before it, or directly before the one behind.
 */
typedef enum { AT_BEGIN, AT_END } side;

/* Named regions, so that buffers of one case do not overlap; each holds REGION_BYTES. */
typedef enum {
    MEM_CODES,
    MEM_SCALES,
    MEM_X,
    MEM_X_SUMS,
    MEM_X_SCALES,
    MEM_LUT,
    MEM_SCRATCH,
    MEM_A,
    MEM_B,
    MEM_Y,
    MEM_COUNT,
} region;
enum { REGION_BYTES = 1 << 23 };

/* `bytes` of `where`, aligned to a power of two; at AT_END at most align - 1 bytes separate it from
 * the guard page. Filled with 0xa5, and earlier buffers of the region are gone. */
void *guarded(region where, side at, size_t bytes, size_t align);

/* ---- reports ---- */

/* Describe the running case for reports of failures, printf style. */
void describe(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Name the kernel about to run: a fault on a guard page then tells the kernel and the case before
 * the program ends. */
void running(const char *name);

/* Count a check; on failure print the kernel, the case, the place and both values. `name` is the
 * kernel's. */
void expect_bytes(const char *name, const char *what, const void *found, const void *wanted,
                  size_t bytes);

/* The same for float32 values: equal bits, except that any NaN equals any other. Which NaN an
 * operation on two NaNs gives is not defined by IEEE 754 and differs between processors. */
void expect_floats(const char *name, const char *what, const float *found, const float *wanted,
                   size_t n);

void expect_true(const char *name, const char *what, bool holds);

/* Checks counted and failed so far. */
uint64_t checks(void);
uint64_t failures(void);

#endif
