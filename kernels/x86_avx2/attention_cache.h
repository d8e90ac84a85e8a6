/* Reading the cache of keys and values, float16 or int8 (q8), and fetching what is read soon. */
#ifndef LW_AVX2_ATTENTION_CACHE_H
#define LW_AVX2_ATTENTION_CACHE_H

#include "simd.h"

#include <stdbool.h>

enum {
    CACHE_LINE = 64,
    AHEAD = 8192, /* bytes from what is read to what is fetched meanwhile, for one token takes as
                     long to read as to compute */
};

LW_INLINE size_t element_bytes(const bool q8) {
    return q8 ? sizeof(int8_t) : sizeof(uint16_t);
}

/* Fetch the cache line that is AHEAD of byte `at` of `bytes` bytes, behind which `next` is read. */
LW_INLINE void fetch_ahead(const void *first, size_t at, size_t bytes, const void *next) {
    const size_t then = at + (AHEAD < bytes ? AHEAD : bytes);
    const uint8_t *line =
        then < bytes ? (const uint8_t *)first + then : (const uint8_t *)next + (then - bytes);
    _mm_prefetch((const char *)line, _MM_HINT_T1);
}

/* 8 keys or values from element `at` of the cache on. */
LW_INLINE __m256 load8(const void *cache, size_t at, const bool q8) {
    if (q8) {
        const int8_t *codes = (const int8_t *)cache + at;
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)codes)));
    }
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)((const uint16_t *)cache + at)));
}

/* 16, of which the first `count` are read and the others are zero. */
LW_INLINE lw_lanes load16_part(const void *cache, size_t at, int32_t count, const bool q8) {
    const size_t bytes = element_bytes(q8);
    uint16_t part[LW_LANES] = {0};
    memcpy(part, (const uint8_t *)cache + at * bytes, (size_t)count * bytes);
    return (lw_lanes){load8(part, 0, q8), load8(part, 8, q8)};
}

#endif
