/* Memory of each thread for tentative shares (threads.h) of products of one token.
 *
 * Such a share reads its own copy of the activations, since a thread that comes back late may find
 * those of a later stage in the arena, and puts the results next to it, until they are committed.
 * The copy is a seqlock's read: what turns out to be overtaken is not used (Boehm, MSPC 2012). */
#ifndef LW_TENTATIVE_H
#define LW_TENTATIVE_H

#include "model.h"
#include "threads.h"

/* Where the parts lie, in bytes from the beginning of a thread's memory. */
typedef struct {
    size_t groups_at;
    size_t y_at;
    size_t radius_at;
    size_t bytes; /* a multiple of LW_ALIGN; 0 with one thread */
} lw_tentative_plan;

lw_tentative_plan lw_plan_tentative(const lw_model_view *model, uint32_t threads);

/* What a product of one token reads, and where it writes. */
typedef struct {
    lw_q8 x;
    const lw_split_group *groups; /* [group_count], of the two-stage head, else none */
    uint32_t group_count;
    float *y;      /* [rows] */
    float *radius; /* [rows] of the two-stage head, else NULL */
} lw_product_memory;

/* A product in a stage. */
typedef struct {
    lw_product_memory shared; /* what other stages write and read */
    lw_product_memory own;    /* of the thread, from the first share on */
    bool copied;
} lw_tentative;

/* After each take: set t->own, t->shared itself where there is one thread, else in `memory`, the
 * thread's own. Returns false when it is too late for the share. */
bool lw_tentative_ready(lw_tentative *t, const lw_tentative_plan *plan, lw_turn *turn,
                        uint8_t *memory);

/* After each share: commit its rows [from, to), which are dropped where another thread was first.
 */
void lw_tentative_commit(const lw_tentative *t, lw_turn *turn, size_t from, size_t to);

#endif
