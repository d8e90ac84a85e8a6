/* Logits as integer keys, and heaps of keys. A key is an order-preserving image of the logit above
 * the complement of the token id, so that integers compare by logit, then by lowest id, and all
 * keys differ. A binary heap hands out the greatest keys one by one: nothing is sorted that is not
 * wanted. */
#ifndef LW_KEYS_H
#define LW_KEYS_H

#include <float.h>
#include <stdint.h>

#include "scalar/real.h"

/* NaN and -inf become the least logit, +inf the greatest; -0 becomes +0. */
static inline uint64_t lw_make_key(float logit, uint32_t token) {
    const float finite = lw_min(lw_max(logit, -FLT_MAX), FLT_MAX) + 0.0f;
    const uint32_t bits = lw_f32_bits(finite);
    const uint32_t ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (uint64_t)ordered << 32 | (UINT32_MAX - token);
}

static inline uint32_t lw_key_token(uint64_t key) {
    return UINT32_MAX - (uint32_t)key;
}

static inline float lw_key_logit(uint64_t key) {
    const uint32_t ordered = (uint32_t)(key >> 32);
    return lw_f32_from_bits(ordered & 0x80000000u ? ordered & 0x7FFFFFFFu : ~ordered);
}

static inline void lw_sift_down(uint64_t *heap, uint32_t count, uint32_t at) {
    const uint64_t key = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1] > heap[child])
            child++;
        if (heap[child] <= key)
            break;
        heap[at] = heap[child];
    }
    heap[at] = key;
}

static inline void lw_make_heap(uint64_t *keys, uint32_t count) {
    for (uint32_t i = count / 2; i-- > 0;)
        lw_sift_down(keys, count, i);
}

/* Move the greatest key of the heap [0, count) to keys[count - 1]; the rest stays a heap. */
static inline void lw_pop_heap(uint64_t *keys, uint32_t count) {
    const uint64_t top = keys[0];
    keys[0] = keys[count - 1];
    lw_sift_down(keys, count - 1, 0);
    keys[count - 1] = top;
}

#endif
