/* Choosing a token. Candidates are keys (keys.h), and a heap hands out the best ones, which is all
 * that top-k and top-p need. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "keys.h"
#include "lutwerk/lutwerk.h"

enum { BLOCK = 256 }; /* logits looked through together */

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

/* Candidates: the last `kept` keys. Their weights are e^(logit - greatest logit). */
typedef struct {
    uint64_t *
        keys; /* [count]; the last `sorted` ascend, and those before are a heap if any are sorted */
    uint32_t count;
    uint32_t kept;
    uint32_t sorted;
    uint64_t best; /* the greatest key */
} candidate_set;

/* Compilers make vectors of this, and a two-stage head leaves few candidates. */
static bool any_candidate(const float *logits, uint32_t count) {
    uint32_t any = 0;
    for (uint32_t i = 0; i < count; i++)
        any |= logits[i] != -INFINITY;
    return any != 0;
}

/* Tokens that are not ruled out by a logit of -inf, or all if all are. Candidates are walked from
 * the end of the array: by ascending id, until they are sorted. */
static candidate_set make_candidates(float *logits, uint32_t vocab, float temperature,
                                     uint64_t *scratch) {
    uint64_t best = 0;
    uint64_t *keys = scratch + vocab;
    for (uint32_t begin = 0; begin < vocab; begin += BLOCK) {
        const uint32_t end = vocab - begin < BLOCK ? vocab : begin + BLOCK;
        if (!any_candidate(logits + begin, end - begin))
            continue;
        for (uint32_t i = begin; i < end; i++) {
            if (logits[i] == -INFINITY)
                continue;
            if (temperature > 0.0f)
                logits[i] /= temperature;
            *--keys = lw_make_key(logits[i], i);
            best = *keys > best ? *keys : best;
        }
    }
    if (best == 0) {
        for (uint32_t i = 0; i < vocab; i++)
            *--keys = lw_make_key(-INFINITY, i);
        best = scratch[vocab - 1];
    }
    const uint32_t count = (uint32_t)(scratch + vocab - keys);
    return (candidate_set){keys, count, count, 0, best};
}

static float weight(const candidate_set *set, uint64_t key) {
    return lw_exp(lw_key_logit(key) - lw_key_logit(set->best));
}

static double total_weight(const candidate_set *set) {
    double total = 0;
    for (uint32_t i = 0; i < set->kept; i++)
        total += (double)weight(set, set->keys[set->count - 1 - i]);
    return total;
}

/* The candidate that i others beat; asked for in ascending i. */
static uint64_t nth_best(candidate_set *set, uint32_t i) {
    if (set->sorted == 0)
        lw_make_heap(set->keys, set->count);
    if (i == set->sorted) {
        lw_pop_heap(set->keys, set->count - i);
        set->sorted++;
    }
    return set->keys[set->count - 1 - i];
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
        const uint64_t key = set->keys[set->count - 1 - i];
        if (weight(set, key) >= min_p)
            set->keys[set->count - 1 - kept++] = key;
    }
    set->kept = kept;
}

static uint32_t draw(const candidate_set *set, uint64_t random) {
    const double point = (double)(random >> 11) * 0x1p-53 * total_weight(set);
    double mass = 0;
    uint32_t i = 0;
    for (; i + 1 < set->kept; i++) {
        mass += (double)weight(set, set->keys[set->count - 1 - i]);
        if (mass > point)
            break;
    }
    return lw_key_token(set->keys[set->count - 1 - i]);
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
    candidate_set set = make_candidates(logits, vocab, sampling->temperature, scratch);
    if (sampling->temperature == 0.0f) {
        *token = lw_key_token(set.best);
        return LW_OK;
    }
    /* Sorted even when as many are left: the draw must not depend on how many were ruled out. */
    if (sampling->top_k > 0 && sampling->top_k < vocab)
        keep_top_k(&set, sampling->top_k < set.count ? sampling->top_k : set.count);
    if (sampling->top_p < 1.0f)
        keep_top_p(&set, sampling->top_p);
    if (sampling->min_p > 0.0f)
        drop_unlikely(&set, sampling->min_p);
    *token = draw(&set, random);
    return LW_OK;
}
