/* Choosing a token. Candidates are uint64 keys: an order-preserving image of the logit above the
 * complement of the token id, so that integers compare by logit, then by lowest id, and all keys
 * differ. A binary heap hands out the best keys one by one, which is all that top-k and top-p need:
 * nothing is sorted that is not kept. */
#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "lutwerk/lutwerk.h"
#include "scalar/real.h"

static bool in_range(float value, float least, float most) {
    return least <= value && value <= most;
}

static bool sampling_valid(const lw_sampling *sampling) {
    return in_range(sampling->temperature, 0.0f, FLT_MAX) &&
           in_range(sampling->top_p, 0.0f, 1.0f) && in_range(sampling->min_p, 0.0f, 1.0f) &&
           in_range(sampling->repeat_penalty, FLT_MIN, FLT_MAX);
}

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
static uint64_t split_mix_64(uint64_t *state) {
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Each token that occurs in `recent` is penalised once. seen: [vocab / 64] words, rounded up. */
static void penalise(float *logits, uint32_t vocab, float penalty, const uint32_t *recent,
                     size_t recent_count, uint64_t *seen) {
    memset(seen, 0, (vocab + 63) / 64 * sizeof *seen);
    for (size_t i = 0; i < recent_count; i++) {
        const uint32_t token = recent[i];
        const uint64_t bit = UINT64_C(1) << (token % 64);
        if ((seen[token / 64] & bit) == 0)
            logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
        seen[token / 64] |= bit;
    }
}

/* NaN and -inf become the least candidate, +inf the greatest; -0 becomes +0. */
static uint64_t make_key(float logit, uint32_t token) {
    const float finite = lw_min(lw_max(logit, -FLT_MAX), FLT_MAX) + 0.0f;
    const uint32_t bits = lw_f32_bits(finite);
    const uint32_t ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (uint64_t)ordered << 32 | (UINT32_MAX - token);
}

static uint32_t key_token(uint64_t key) {
    return UINT32_MAX - (uint32_t)key;
}

static float key_logit(uint64_t key) {
    const uint32_t ordered = (uint32_t)(key >> 32);
    return lw_f32_from_bits(ordered & 0x80000000u ? ordered & 0x7FFFFFFFu : ~ordered);
}

static void sift_down(uint64_t *heap, uint32_t count, uint32_t at) {
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

static void make_heap(uint64_t *keys, uint32_t count) {
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(keys, count, i);
}

/* Move the greatest key of the heap [0, count) to keys[count - 1]; the rest stays a heap. */
static void pop_heap(uint64_t *keys, uint32_t count) {
    const uint64_t top = keys[0];
    keys[0] = keys[count - 1];
    sift_down(keys, count - 1, 0);
    keys[count - 1] = top;
}

/* Candidates: the last `kept` keys. Their weights are e^(logit - greatest logit). */
typedef struct {
    uint64_t *
        keys; /* [vocab]; the last `sorted` ascend, and those before are a heap if any are sorted */
    uint32_t vocab;
    uint32_t kept;
    uint32_t sorted;
    float best; /* the greatest logit */
} candidate_set;

static float weight(const candidate_set *set, uint64_t key) {
    return lw_exp(key_logit(key) - set->best);
}

static double total_weight(const candidate_set *set) {
    double total = 0;
    for (uint32_t i = 0; i < set->kept; i++)
        total += (double)weight(set, set->keys[set->vocab - 1 - i]);
    return total;
}

/* The candidate that i others beat; asked for in ascending i. */
static uint64_t nth_best(candidate_set *set, uint32_t i) {
    if (set->sorted == 0)
        make_heap(set->keys, set->vocab);
    if (i == set->sorted) {
        pop_heap(set->keys, set->vocab - i);
        set->sorted++;
    }
    return set->keys[set->vocab - 1 - i];
}

static void keep_top_k(candidate_set *set, uint32_t top_k) {
    for (uint32_t i = 0; i < top_k; i++)
        nth_best(set, i);
    set->kept = top_k;
}

/* The smallest set that reaches top_p of the probability, one candidate at least. */
static void keep_top_p(candidate_set *set, float top_p) {
    const double enough = (double)top_p * total_weight(set);
    double mass = 0;
    uint32_t kept = 0;
    do {
        mass += (double)weight(set, nth_best(set, kept));
        kept++;
    } while (kept < set->kept && mass < enough);
    set->kept = kept;
}

/* Drop the candidates below min_p of the best one; keeps the order, and at least the best. */
static void drop_unlikely(candidate_set *set, float min_p) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->kept; i++) {
        const uint64_t key = set->keys[set->vocab - 1 - i];
        if (weight(set, key) >= min_p)
            set->keys[set->vocab - 1 - kept++] = key;
    }
    set->kept = kept;
}

static uint32_t draw(const candidate_set *set, uint64_t random) {
    const double point = (double)(random >> 11) * 0x1p-53 * total_weight(set);
    double mass = 0;
    uint32_t i = 0;
    for (; i + 1 < set->kept; i++) {
        mass += (double)weight(set, set->keys[set->vocab - 1 - i]);
        if (mass > point)
            break;
    }
    return key_token(set->keys[set->vocab - 1 - i]);
}

lw_status lw_sample(float *logits, uint32_t vocab, const lw_sampling *sampling,
                    const uint32_t *recent, size_t recent_count, uint64_t *state, uint64_t *scratch,
                    uint32_t *token) {
    if (!logits || vocab == 0 || !sampling || (!recent && recent_count > 0) || !state || !scratch ||
        !token || !sampling_valid(sampling))
        return LW_ERR_ARGUMENT;
    for (size_t i = 0; i < recent_count; i++)
        if (recent[i] >= vocab)
            return LW_ERR_ARGUMENT;

    const uint64_t random = split_mix_64(state);
    if (sampling->repeat_penalty != 1.0f)
        penalise(logits, vocab, sampling->repeat_penalty, recent, recent_count, scratch);
    const bool greedy = sampling->temperature == 0.0f;
    uint64_t best = 0;
    for (uint32_t i = 0; i < vocab; i++) {
        if (!greedy)
            logits[i] /= sampling->temperature;
        /* Candidates are walked from the end of the array: by ascending id, until they are sorted.
         */
        scratch[vocab - 1 - i] = make_key(logits[i], i);
        best = scratch[vocab - 1 - i] > best ? scratch[vocab - 1 - i] : best;
    }
    if (greedy) {
        *token = key_token(best);
        return LW_OK;
    }
    candidate_set set = {scratch, vocab, vocab, 0, key_logit(best)};
    if (sampling->top_k > 0 && sampling->top_k < vocab)
        keep_top_k(&set, sampling->top_k);
    if (sampling->top_p < 1.0f)
        keep_top_p(&set, sampling->top_p);
    if (sampling->min_p > 0.0f)
        drop_unlikely(&set, sampling->min_p);
    *token = draw(&set, random);
    return LW_OK;
}
