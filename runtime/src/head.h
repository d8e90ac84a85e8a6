/* The two-stage head: which tokens have the greatest logits, by reading the high bits of all rows
 * and the low bits of a few. Why that is right, and the names used here: docs/two-stage-head.md. */
#ifndef LW_HEAD_H
#define LW_HEAD_H

#include <stdatomic.h>

#include "model.h"

/* A row whose estimate does not rule it out, and bounds of its logit. */
typedef struct {
    uint32_t row;
    float lower;
    float upper;
} lw_survivor;

/* State of a session. Arrays lie in its workspace. What an item of one stage writes, items of later
 * stages read. */
typedef struct {
    lw_split_group *groups; /* of the token */
    float *radius;          /* [vocab]; the estimates lie in the caller's logits */
    uint64_t *keys;         /* [limit] */
    lw_survivor *survivors; /* [limit], of a block of rows one after the other */
    uint32_t *tiles;        /* [limit], row tiles to compute exactly */
    uint32_t group_count;
    uint32_t limit;          /* survivors that still pay, 0 without a head in layout split */
    uint32_t top;            /* of the request, and what follows from it: */
    float reach;             /* kappa */
    float slack;             /* sigma */
    bool full;               /* answer by the full product */
    float threshold;         /* a bound of the least logit wanted, from below */
    atomic_uint survived;    /* may end above the limit */
    atomic_uint exact_items; /* of the last stage: tiles, or all row tiles */
    uint32_t candidates;
    lw_head_stats stats;
} lw_head;

/* Bytes of the arrays, and place them at `memory`, 64-byte aligned. */
uint64_t lw_head_bytes(const lw_model_view *model);
void lw_head_start(lw_head *head, const lw_model_view *model, uint8_t *memory);

/* Prepare a request for the first `top` tokens. Returns false when the full product has to answer
 * it. */
bool lw_head_prepare(lw_head *head, uint32_t top);

/* Count a request that is complete. */
void lw_head_count(lw_head *head, bool two_stages);

#endif
