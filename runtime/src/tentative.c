#include "tentative.h"

#include "layout.h"
#include "signature.h"
#include "split.h"

static size_t greater(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Codes, sums and scale of one token follow each other. */
static size_t activation_bytes(size_t stride) {
    return stride + stride / LW_SUM_COLS * sizeof(int32_t) + sizeof(float);
}

lw_tentative_plan lw_plan_tentative(const lw_model_view *model, uint32_t threads) {
    size_t x = 0, groups = 0, y = 0, radius = 0;
    for (uint32_t i = 0; i < model->conf->ops && threads > 1; i++) {
        if (model->ops[i].op != LW_OP_matmul)
            continue;
        const lw_tensor_record *tensor = &model->tensors[model->ops[i].tensor];
        const size_t row_bytes = tensor->rows * sizeof(float);
        x = greater(x, activation_bytes((size_t)lw_q8_stride((int32_t)tensor->cols)));
        y = greater(y, row_bytes);
        if (tensor->layout == LW_LAYOUT_split) {
            groups = greater(groups, (size_t)lw_split_ceil(tensor->cols, LW_SPLIT_BLOCK_COLS) *
                                         sizeof(lw_split_group));
            radius = greater(radius, row_bytes);
        }
    }
    lw_tentative_plan plan;
    plan.groups_at = lw_round_up(x, LW_ALIGN);
    plan.y_at = plan.groups_at + lw_round_up(groups, LW_ALIGN);
    plan.radius_at = plan.y_at + lw_round_up(y, LW_ALIGN);
    plan.bytes = plan.radius_at + lw_round_up(radius, LW_ALIGN);
    return plan;
}

/* What a product reads, into `memory`. */
static lw_product_memory copy(const lw_product_memory *shared, const lw_tentative_plan *plan,
                              uint8_t *memory) {
    const lw_q8 *x = &shared->x;
    const size_t stride = (size_t)x->stride;
    int32_t *sums = (int32_t *)(void *)(memory + stride);
    float *scale = (float *)(void *)(sums + stride / LW_SUM_COLS);
    lw_split_group *groups = (lw_split_group *)(void *)(memory + plan->groups_at);
    memcpy(memory, x->codes, stride);
    memcpy(sums, x->sums, stride / LW_SUM_COLS * sizeof *sums);
    *scale = x->scales[0];
    if (shared->group_count > 0)
        memcpy(groups, shared->groups, shared->group_count * sizeof *groups);
    return (lw_product_memory){
        .x = {(const int8_t *)memory, sums, scale, x->stride},
        .groups = groups,
        .group_count = shared->group_count,
        .y = (float *)(void *)(memory + plan->y_at),
        .radius = (float *)(void *)(memory + plan->radius_at),
    };
}

bool lw_tentative_ready(lw_tentative *t, const lw_tentative_plan *plan, lw_turn *turn,
                        uint8_t *memory) {
    if (!t->copied) {
        t->own = turn->pool->threads > 1 ? copy(&t->shared, plan, memory) : t->shared;
        t->copied = !lw_overtaken(turn);
    }
    return t->copied;
}

void lw_tentative_commit(const lw_tentative *t, lw_turn *turn, size_t from, size_t to) {
    const lw_product_memory *own = &t->own, *shared = &t->shared;
    if (turn->pool->threads == 1 || !lw_commit(turn))
        return;
    memcpy(shared->y + from, own->y + from, (to - from) * sizeof *own->y);
    if (shared->radius)
        memcpy(shared->radius + from, own->radius + from, (to - from) * sizeof *own->radius);
}
