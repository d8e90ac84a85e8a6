#include "ceilings.h"

#include <stddef.h>
#include <string.h>

#include "lutwerk/lutwerk.h"
#include "team.h"

enum { LINE = 64, STREAMS = 4, ROUNDS = 1 << 18, CHAINS = 12 };

typedef struct {
    const uint8_t *region;
    size_t bytes; /* of one thread, whole lines */
    uint64_t seen[MAX_THREADS];
} reading;

static uint64_t read_words(const uint8_t *from, size_t bytes) {
    uint64_t seen = 0;
    for (size_t i = 0; i < bytes; i += sizeof seen) {
        uint64_t word;
        memcpy(&word, from + i, sizeof word);
        seen ^= word;
    }
    return seen;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* Four streams at once, which the hardware prefetches better than one; up to three lines of the end
 * are left out. */
__attribute__((target("avx2"))) static uint64_t read_avx2(const uint8_t *from, size_t bytes) {
    const size_t apart = bytes / STREAMS / LINE * LINE;
    __m256i a = _mm256_setzero_si256();
    __m256i b = a;
    for (size_t i = 0; i < apart; i += LINE) {
        for (int j = 0; j < STREAMS; j++) {
            const uint8_t *line = from + (size_t)j * apart + i;
            a = _mm256_xor_si256(a, _mm256_load_si256((const __m256i *)line));
            b = _mm256_xor_si256(b, _mm256_load_si256((const __m256i *)(line + LINE / 2)));
        }
    }
    return (uint64_t)_mm256_extract_epi64(_mm256_xor_si256(a, b), 0);
}

/* The empty instruction makes x new in each round, or the products would move out of the loop;
 * many sums, because one must not wait for the other. 16 registers hold half of CHAINS. */
__attribute__((target("avx2"))) static void multiply_avx2(void *context, int thread, int repeat) {
    __m256i x = _mm256_set1_epi8((char)(repeat & 1));
    __m256i y[CHAINS / 2];
    __m256i sums[CHAINS / 2];
    for (int j = 0; j < CHAINS / 2; j++) {
        y[j] = _mm256_set1_epi8((char)j);
        sums[j] = x;
    }
    for (int i = 0; i < ROUNDS * 2; i++) {
        __asm__ volatile("" : "+x"(x));
#pragma GCC unroll 6
        for (int j = 0; j < CHAINS / 2; j++) {
            sums[j] = _mm256_add_epi16(sums[j], _mm256_maddubs_epi16(x, y[j]));
        }
    }
    for (int j = 0; j < CHAINS / 2; j++) {
        ((int32_t *)context)[thread] ^= _mm256_extract_epi32(sums[j], 0);
    }
}

__attribute__((target("avx512f,avx512vnni"))) static void multiply_avx512(void *context, int thread,
                                                                          int repeat) {
    const __m512i x = _mm512_set1_epi8((char)(repeat & 1));
    __m512i sums[CHAINS];
    for (int j = 0; j < CHAINS; j++) {
        sums[j] = x;
    }
    for (int i = 0; i < ROUNDS; i++) {
#pragma GCC unroll 12
        for (int j = 0; j < CHAINS; j++) {
            sums[j] = _mm512_dpbusd_epi32(sums[j], x, x);
        }
    }
    for (int j = 0; j < CHAINS; j++) {
        ((int32_t *)context)[thread] ^= _mm512_reduce_add_epi32(sums[j]);
    }
}

static part_fn *multiplier(uint32_t isa) {
    return isa == LW_ISA_avx512 ? multiply_avx512 : isa == LW_ISA_avx2 ? multiply_avx2 : NULL;
}

static uint64_t read_bytes(const uint8_t *from, size_t bytes) {
    return __builtin_cpu_supports("avx2") ? read_avx2(from, bytes) : read_words(from, bytes);
}
#else
static part_fn *multiplier(uint32_t isa) {
    (void)isa;
    return NULL;
}

static uint64_t read_bytes(const uint8_t *from, size_t bytes) {
    return read_words(from, bytes);
}
#endif

static void read_part(void *context, int thread, int repeat) {
    reading *all = context;
    const uint8_t *from = all->region + (size_t)thread * all->bytes;
    all->seen[thread] += (uint64_t)repeat ^ read_bytes(from, all->bytes);
}

double read_rate(const uint8_t *region, size_t bytes, int threads, int repeats) {
    reading all = {.region = region, .bytes = bytes / (size_t)threads / LINE * LINE};
    return (double)(all.bytes * (size_t)threads) / best_seconds(threads, repeats, read_part, &all);
}

double multiply_rate(uint32_t isa, int threads, int repeats) {
    int32_t seen[MAX_THREADS] = {0};
    part_fn *part = multiplier(isa);
    if (part == NULL) {
        return 0.0;
    }
    const int width =
        isa == LW_ISA_avx512 ? 64 : 32; /* pairs of bytes that one instruction takes */
    const double products = (double)width * ROUNDS * CHAINS * threads;
    return products / best_seconds(threads, repeats, part, seen);
}
