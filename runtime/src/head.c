#include "head.h"

#include <math.h>

#include "keys.h"
#include "layout.h"
#include "ops.h"
#include "signature.h"
#include "split.h"

enum {
    LIMIT_SHARE = 8,    /* of the vocabulary, one in so many may survive */
    SEEDS_A_TOP = 4,    /* rows whose low bits give the first threshold, for each token wanted */
    LEAST_SEEDS = 32,   /* and at least so many */
    MAX_COLS = 1 << 20, /* the bounds hold for 2^14 groups */
    SEED_ROWS = 64,     /* looked through together for a seed */
    BLOCK_ROWS = 256,   /* looked through together: whole row tiles, some of a microsecond */
    BLOCKS_A_SHARE = 4,
};

/* The head and the token that it is multiplied with. */
typedef struct {
    lw_matrix w;
    lw_q8 x;
    float *logits; /* at first the estimates */
} head_product;

/* The head, when it is a product in layout split that the two stages can serve, or NULL. */
static const lw_tensor_record *find_head(const lw_model_view *model) {
    const lw_op_record *last = &model->ops[model->conf->ops - 1];
    if (last->op != LW_OP_matmul)
        return NULL;
    const lw_tensor_record *tensor = &model->tensors[last->tensor];
    return tensor->layout == LW_LAYOUT_split && tensor->cols <= MAX_COLS ? tensor : NULL;
}

static void *take(uint8_t *memory, uint64_t *end, uint64_t bytes) {
    const uint64_t begin = *end;
    *end = lw_round_up(begin + bytes, LW_ALIGN);
    return memory ? memory + begin : NULL;
}

/* Place the arrays at `memory`, or nowhere; returns their bytes. */
static uint64_t place_arrays(lw_head *head, const lw_model_view *model, uint8_t *memory) {
    const lw_tensor_record *tensor = find_head(model);
    memset(head, 0, sizeof *head);
    if (!tensor)
        return 0;
    uint64_t end = 0;
    head->group_count = (uint32_t)lw_split_ceil(tensor->cols, LW_SPLIT_BLOCK_COLS);
    head->limit = tensor->rows / LIMIT_SHARE;
    head->groups = take(memory, &end, head->group_count * sizeof *head->groups);
    head->radius = take(memory, &end, tensor->rows * sizeof *head->radius);
    head->keys = take(memory, &end, head->limit * sizeof *head->keys);
    head->survivors = take(memory, &end, head->limit * sizeof *head->survivors);
    head->tiles = take(memory, &end, head->limit * sizeof *head->tiles);
    return end;
}

uint64_t lw_head_bytes(const lw_model_view *model) {
    lw_head head;
    return place_arrays(&head, model, NULL);
}

void lw_head_start(lw_head *head, const lw_model_view *model, uint8_t *memory) {
    place_arrays(head, model, memory);
    atomic_init(&head->survived, 0);
    atomic_init(&head->exact_items, 1);
}

static uint64_t seed_count(uint32_t top) {
    const uint64_t seeds = (uint64_t)top * SEEDS_A_TOP;
    return seeds < LEAST_SEEDS ? LEAST_SEEDS : seeds;
}

/* The constants of docs/two-stage-head.md. What the low bits add to a row is below
 * t * sqrt(5.25) * radius except with probability e^(-t^2 / 2), which t makes e^-28 for all wanted
 * rows together; sigma * radius bounds what rounding adds, and 2^-10 what rounding takes from the
 * bounds themselves. */
bool lw_head_prepare(lw_head *head, uint32_t top) {
    if (top == 0 || seed_count(top) > head->limit)
        return false;
    const double groups = (double)head->group_count;
    const double t = sqrt(56.0 + 2.0 * log((double)top));
    const double sigma = (groups + 8.0) * 0x1p-24 * 1.01 * 540.0 * sqrt(groups);
    head->top = top;
    head->reach = (float)((t * sqrt(5.25) + sigma) * (1.0 + 0x1p-10));
    head->slack = (float)(sigma * (1.0 + 0x1p-10));
    return true;
}

void lw_head_count(lw_head *head, bool two_stages) {
    const bool full = !two_stages || head->full;
    head->stats.tokens++;
    head->stats.full += full;
    if (!full) {
        head->stats.survivors += atomic_load(&head->survived);
        head->stats.candidates += head->candidates;
    }
}

/* Bounds of the logits of up to BLOCK_ROWS rows, by their low bits. */
static void bound_rows(const lw_session *s, const head_product *p, const uint32_t *rows,
                       const float *estimates, uint32_t count, lw_survivor *bounds) {
    const float x_scale = p->x.scales[0];
    float low[BLOCK_ROWS];
    s->kernels.split_refine(&p->w, &p->x, s->head.groups, rows, (int32_t)count, low);
    for (uint32_t i = 0; i < count; i++) {
        const float middle = estimates[i] + low[i];
        const float slack = s->head.slack * s->head.radius[rows[i]];
        bounds[i] = (lw_survivor){rows[i], (middle - slack) * x_scale, (middle + slack) * x_scale};
    }
}

/* The logit of the n-th greatest of `count` keys, whose order is lost. */
static float nth_greatest(uint64_t *keys, uint32_t count, uint32_t n) {
    lw_make_heap(keys, count);
    for (uint32_t i = 1; i < n; i++)
        lw_pop_heap(keys, count + 1 - i);
    return lw_key_logit(keys[0]);
}

/* Compilers make vectors of this, and of most rows nothing else is asked. */
static bool any_above(const float *estimates, uint32_t count, float least) {
    uint32_t above = 0;
    for (uint32_t i = 0; i < count; i++)
        above |= estimates[i] > least;
    return above != 0;
}

/* Leave the rows with the `count` greatest estimates in keys. The keys are complemented, so that
 * the root of the heap is the least of them. */
static void choose_seeds(uint64_t *keys, uint32_t count, const float *estimates, uint32_t rows) {
    for (uint32_t n = 0; n < count; n++)
        keys[n] = ~lw_make_key(estimates[n], n);
    lw_make_heap(keys, count);
    float least = lw_key_logit(~keys[0]);
    for (uint32_t begin = count; begin < rows; begin += SEED_ROWS) {
        const uint32_t end = rows - begin < SEED_ROWS ? rows : begin + SEED_ROWS;
        if (!any_above(estimates + begin, end - begin, least))
            continue;
        for (uint32_t n = begin; n < end; n++)
            if (estimates[n] > least) { /* not a NaN, nor an equal one, whose id is higher */
                keys[0] = ~lw_make_key(estimates[n], n);
                lw_sift_down(keys, count, 0);
                least = lw_key_logit(~keys[0]);
            }
    }
}

/* A first threshold: any `top` rows have the top-th greatest of their lower bounds as one. */
static void find_threshold(lw_session *s, const head_product *p) {
    lw_head *head = &s->head;
    const uint32_t seeds = (uint32_t)seed_count(head->top);
    choose_seeds(head->keys, seeds, p->logits, (uint32_t)p->w.rows);
    for (uint32_t begin = 0; begin < seeds; begin += BLOCK_ROWS) {
        uint32_t rows[BLOCK_ROWS];
        float estimates[BLOCK_ROWS];
        lw_survivor bounds[BLOCK_ROWS];
        const uint32_t count = seeds - begin < BLOCK_ROWS ? seeds - begin : BLOCK_ROWS;
        for (uint32_t i = 0; i < count; i++) {
            rows[i] = lw_key_token(~head->keys[begin + i]);
            estimates[i] = p->logits[rows[i]];
        }
        bound_rows(s, p, rows, estimates, count, bounds);
        for (uint32_t i = 0; i < count; i++)
            head->keys[begin + i] = lw_make_key(bounds[i].lower, rows[i]);
    }
    head->threshold = nth_greatest(head->keys, seeds, head->top);
    head->full = !isfinite(p->x.scales[0]) || head->threshold <= -FLT_MAX;
    atomic_store(&head->survived, 0);
}

/* Whether the estimate does not rule out row n; true for a NaN. */
static bool survives(const lw_head *head, const float *estimates, float x_scale, uint32_t n) {
    const float upper = (estimates[n] + head->reach * head->radius[n]) * x_scale;
    return !(upper < head->threshold);
}

/* Also a loop that compilers make vectors of. */
static bool any_survives(const lw_head *head, const float *estimates, float x_scale, uint32_t begin,
                         uint32_t end) {
    uint32_t surviving = 0;
    for (uint32_t n = begin; n < end; n++)
        surviving |= survives(head, estimates, x_scale, n);
    return surviving != 0;
}

/* Rule out rows of a block by their estimates, and bound the logits of the others. */
static void collect_survivors(lw_session *s, const head_product *p, uint32_t block) {
    lw_head *head = &s->head;
    const uint32_t begin = block * BLOCK_ROWS;
    const uint32_t left = (uint32_t)p->w.rows - begin;
    const uint32_t end = begin + (left < BLOCK_ROWS ? left : BLOCK_ROWS);
    const float x_scale = p->x.scales[0];
    uint32_t rows[BLOCK_ROWS];
    float estimates[BLOCK_ROWS];
    uint32_t count = 0;
    const bool any = any_survives(head, p->logits, x_scale, begin, end);
    for (uint32_t n = begin; n < end && any; n++) {
        rows[count] = n;
        estimates[count] = p->logits[n];
        count += survives(head, p->logits, x_scale, n);
    }
    if (count > 0) {
        const uint32_t at = atomic_fetch_add(&head->survived, count);
        if (at + count > head->limit)
            return;
        bound_rows(s, p, rows, estimates, count, head->survivors + at);
    }
    for (uint32_t n = begin; n < end; n++)
        p->logits[n] = -INFINITY;
}

/* Rule out survivors by their bounds, and list the row tiles of the others. Survivors of a block
 * ascend, and blocks are whole tiles, so that no tile is listed twice. Without `top` candidates
 * something is out of the ordinary, which the full product settles. */
static void choose_tiles(lw_head *head, const head_product *p) {
    const uint32_t survived = atomic_load(&head->survived);
    uint32_t tiles = 0;
    head->candidates = 0;
    head->full = head->full || survived > head->limit || survived < head->top;
    if (!head->full) {
        for (uint32_t i = 0; i < survived; i++)
            head->keys[i] = lw_make_key(head->survivors[i].lower, head->survivors[i].row);
        const float nth = nth_greatest(head->keys, survived, head->top);
        head->threshold = nth > head->threshold ? nth : head->threshold;
        for (uint32_t i = 0; i < survived; i++) {
            const uint32_t tile = head->survivors[i].row / LW_SPLIT_ROWS;
            if (head->survivors[i].upper < head->threshold)
                continue;
            head->candidates++;
            if (tiles == 0 || head->tiles[tiles - 1] != tile)
                head->tiles[tiles++] = tile;
        }
        head->full = head->candidates < head->top;
    }
    const uint32_t all = (uint32_t)lw_split_ceil((uint32_t)p->w.rows, LW_SPLIT_ROWS);
    atomic_store(&head->exact_items, head->full ? all : tiles);
}

/* Items of the last stage: listed row tiles, or all. */
static void compute_exactly(lw_session *s, const head_product *p, uint32_t from, uint32_t to) {
    lw_gemv_fn *gemv = s->kernels.gemv[LW_LAYOUT_split];
    if (s->head.full) {
        gemv(&p->w, &p->x, NULL, p->logits, (int32_t)from, (int32_t)to);
        return;
    }
    for (uint32_t i = from; i < to; i++) {
        const int32_t tile = (int32_t)s->head.tiles[i];
        gemv(&p->w, &p->x, NULL, p->logits, tile, tile + 1);
    }
}

static head_product product_of(const lw_session *s, const lw_op_record *op, const lw_chunk *chunk) {
    return (head_product){lw_model_matrix(&s->model, op->tensor),
                          lw_quantized_at(s, &op->src[0], chunk->first_wanted), chunk->logits};
}

/* Each stage is part of the product. */
static void finish_stage(lw_turn *turn) {
    lw_lap(turn->laps, LW_OP_matmul);
    lw_finish_stage(turn);
}

static void estimate_shares(lw_session *s, lw_turn *turn, const head_product *p, uint32_t grain,
                            lw_tentative *t) {
    const uint32_t rows = (uint32_t)p->w.rows;
    const uint32_t tiles = (uint32_t)lw_split_ceil(rows, LW_SPLIT_ROWS);
    uint32_t from, to;
    while (lw_take_tentative(turn, tiles, grain, &from, &to)) {
        if (!lw_ready(s, turn, t))
            continue;
        s->kernels.split_estimate(&p->w, &t->own.x, t->own.groups, t->own.y, t->own.radius,
                                  (int32_t)from, (int32_t)to);
        lw_tentative_commit(t, turn, from * LW_SPLIT_ROWS, to < tiles ? to * LW_SPLIT_ROWS : rows);
    }
}

void lw_run_estimates(lw_session *s, lw_turn *turn, const lw_op_record *op, const lw_chunk *chunk) {
    const head_product p = product_of(s, op, chunk);
    lw_tentative t = {
        .shared = {p.x, s->head.groups, s->head.group_count, p.logits, s->head.radius}};
    uint32_t item;
    while (lw_take_one(turn, 1, &item))
        s->kernels.split_groups(&p.w, &p.x, s->head.groups);
    finish_stage(turn);
    estimate_shares(s, turn, &p, lw_grain(op, 1), &t);
    lw_lap(turn->laps, LW_OP_matmul);
    while (!lw_finish_stage(turn))
        estimate_shares(s, turn, &p, lw_grain(op, 1), &t);
}

/* A thread that comes late to a stage may read state of a later one, but takes no item then. */
void lw_run_head(lw_session *s, lw_turn *turn, const lw_op_record *op, const lw_chunk *chunk) {
    lw_head *head = &s->head;
    const head_product p = product_of(s, op, chunk);
    const uint32_t grain = lw_grain(op, 1);
    const uint32_t blocks = (uint32_t)lw_split_ceil((uint32_t)p.w.rows, BLOCK_ROWS);
    uint32_t item, from, to;

    lw_run_estimates(s, turn, op, chunk);
    while (lw_take_one(turn, 1, &item))
        find_threshold(s, &p);
    finish_stage(turn);
    while (lw_take_share(turn, blocks, BLOCKS_A_SHARE, &from, &to))
        for (uint32_t block = from; block < to && !head->full; block++)
            collect_survivors(s, &p, block);
    finish_stage(turn);
    while (lw_take_one(turn, 1, &item))
        choose_tiles(head, &p);
    finish_stage(turn);
    while (lw_take_share(turn, atomic_load(&head->exact_items), grain, &from, &to))
        compute_exactly(s, &p, from, to);
}
