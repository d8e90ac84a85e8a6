/* Assertions that stay on in release builds, and the random numbers of the tests. */
#ifndef LW_TESTS_CHECK_H
#define LW_TESTS_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* Compare integers and print both. */
#define CHECK_EQUAL(actual, expected)                                                              \
    do {                                                                                           \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected);                \
        if (actual_ != expected_) {                                                                \
            fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #actual,     \
                    actual_, expected_);                                                           \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016. State
 * must not be 0. */
static inline uint64_t random_u64(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static inline uint32_t random_below(uint64_t *state, uint32_t limit) {
    return (uint32_t)((random_u64(state) >> 32) * limit >> 32);
}

/* Uniform in [-1, 1). */
static inline float random_float(uint64_t *state) {
    return (float)(int32_t)(random_u64(state) >> 32) * 0x1p-31f;
}

/* Memory at a multiple of 64 that ends exactly where it should, so that AddressSanitizer sees every
 * overrun. */
static inline void *allocate_aligned(size_t bytes) {
    void *memory = NULL;
    CHECK(posix_memalign(&memory, 64, bytes ? bytes : 1) == 0);
    return memory;
}

#endif
