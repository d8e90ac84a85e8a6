#include "ops.h"

#include "layout.h"
#include "scalar/f16.h"
#include "signature.h"

enum {
    FLOAT_ROWS = 16, /* of a float matrix: stay in the cache while all tokens are multiplied */
    GEMV_TILES = 4,  /* row tiles that kernels read side by side; fewer are slower by the tile */
    MAX_HEAD_STRIDE = 4096 + 64, /* lw_q8_stride of the widest head (FORMAT.md, "CONF") */
};

uint32_t lw_grain(const lw_op_record *op, uint32_t tokens) {
    return op->share > tokens ? op->share / tokens : 1;
}

static float *f32_at(const lw_session *s, const lw_operand *operand, const lw_chunk *chunk,
                     uint32_t t) {
    if (operand->offset == LW_LOGITS_OFFSET)
        return chunk->logits + (size_t)(t - chunk->first_wanted) * operand->stride;
    return (float *)(void *)(s->arena + operand->offset) + (size_t)t * operand->stride;
}

/* The three arrays of a q8 operand, from token t on. */
typedef struct {
    int8_t *codes;
    int32_t *sums;
    float *scales;
} q8_arrays;

static q8_arrays q8_at(const lw_session *s, const lw_operand *operand, uint32_t t) {
    const size_t chunk = s->model.conf->chunk;
    const size_t sums_a_token = operand->stride / LW_SUM_COLS;
    int8_t *codes = (int8_t *)s->arena + operand->offset;
    int32_t *sums = (int32_t *)(void *)(codes + chunk * operand->stride);
    float *scales = (float *)(void *)(sums + chunk * sums_a_token);
    return (q8_arrays){codes + (size_t)t * operand->stride, sums + t * sums_a_token, scales + t};
}

lw_q8 lw_quantized_at(const lw_session *s, const lw_operand *operand, uint32_t t) {
    const q8_arrays at = q8_at(s, operand, t);
    return (lw_q8){at.codes, at.sums, at.scales, (int32_t)operand->stride};
}

enum { KEYS, VALUES };

/* The first position of a key or value head in the cache, and its scale. */
typedef struct {
    void *elements;
    float *scales; /* int8 only */
} cached_head;

static cached_head cache_at(const lw_session *s, uint32_t layer, uint32_t keys_or_values,
                            uint32_t head) {
    const lw_conf_record *conf = s->model.conf;
    size_t index = ((size_t)layer * 2 + keys_or_values) * conf->kv_heads + head;
    size_t position = index * s->context;
    return (cached_head){s->kv + position * conf->head_dim * lw_kv_element_bytes(conf),
                         conf->kv_type == LW_KV_Q8 ? s->kv_scales + position : NULL};
}

/* Append the key or value of one position. */
static void store_head(const lw_session *s, cached_head to, uint32_t position, const float *x) {
    const size_t dim = s->model.conf->head_dim;
    if (!to.scales) {
        s->kernels.to_f16((uint16_t *)to.elements + position * dim, x, (int32_t)dim);
        return;
    }
    /* quantize pads, the cache does not */
    _Alignas(LW_ALIGN) int8_t codes[MAX_HEAD_STRIDE];
    int32_t sums[MAX_HEAD_STRIDE / LW_SUM_COLS];
    s->kernels.quantize(x, (int32_t)dim, codes, sums, &to.scales[position]);
    memcpy((int8_t *)to.elements + position * dim, codes, dim);
}

static const float *f32_tensor(const lw_session *s, const lw_op_record *op) {
    return (const float *)(const void *)(s->model.data + s->model.tensors[op->tensor].codes_offset);
}

static void embed(const lw_session *s, const lw_op_record *op, uint32_t token, float *y) {
    const lw_tensor_record *tensor = &s->model.tensors[op->tensor];
    const lw_matrix w = lw_model_matrix(&s->model, op->tensor);
    const size_t first = (size_t)token * tensor->cols;
    if (tensor->format == LW_FORMAT_f32) {
        memcpy(y, (const float *)(const void *)w.codes + first, tensor->cols * sizeof *y);
    } else if (tensor->format == LW_FORMAT_f16) {
        const uint16_t *row = (const uint16_t *)(const void *)w.codes + first;
        for (uint32_t i = 0; i < tensor->cols; i++)
            y[i] = lw_f16_to_f32(row[i]);
    } else {
        s->kernels.gather[tensor->layout](&w, (int32_t)token, y);
    }
}

static void kv_store(const lw_session *s, const lw_op_record *op, const lw_chunk *chunk,
                     uint32_t t) {
    const lw_conf_record *conf = s->model.conf;
    for (uint32_t which = KEYS; which <= VALUES; which++) {
        const float *src = f32_at(s, &op->src[which], chunk, t);
        for (uint32_t head = 0; head < conf->kv_heads; head++)
            store_head(s, cache_at(s, op->layer, which, head), chunk->position + t,
                       src + (size_t)head * conf->head_dim);
    }
}

void lw_run_token(lw_session *s, const lw_op_record *op, const lw_chunk *chunk, uint32_t t) {
    const lw_kernels *kernels = &s->kernels;
    const lw_conf_record *conf = s->model.conf;
    const int32_t width = (int32_t)op->dst.width;
    switch (op->op) {
    case LW_OP_embed:
        embed(s, op, chunk->tokens[t], f32_at(s, &op->dst, chunk, t));
        break;
    case LW_OP_rmsnorm:
        kernels->rmsnorm(f32_at(s, &op->dst, chunk, t), f32_at(s, &op->src[0], chunk, t),
                         f32_tensor(s, op), width, op->param);
        break;
    case LW_OP_quantize: {
        q8_arrays dst = q8_at(s, &op->dst, t);
        kernels->quantize(f32_at(s, &op->src[0], chunk, t), width, dst.codes, dst.sums, dst.scales);
        break;
    }
    case LW_OP_rope:
        kernels->rope(f32_at(s, &op->dst, chunk, t),
                      f32_tensor(s, op) + (size_t)(chunk->position + t) * conf->head_dim,
                      (int32_t)(op->dst.width / conf->head_dim), (int32_t)conf->head_dim);
        break;
    case LW_OP_kv_store:
        kv_store(s, op, chunk, t);
        break;
    default: {
        lw_binary_fn *binary = op->op == LW_OP_add         ? kernels->add
                               : op->op == LW_OP_relu2_mul ? kernels->relu2_mul
                                                           : kernels->silu_mul;
        binary(f32_at(s, &op->dst, chunk, t), f32_at(s, &op->src[0], chunk, t),
               f32_at(s, &op->src[1], chunk, t), width);
    }
    }
}

/* A matrix product; y of token t begins at y + t * y_stride. */
typedef struct {
    lw_matrix w;
    lw_q8 x;
    float *y;
    size_t y_stride;
    uint32_t tokens;
    uint32_t layout;
    size_t lut_bytes; /* lookup tables of one token */
} product;

bool lw_ready(const lw_session *s, lw_turn *turn, lw_tentative *t) {
    return lw_tentative_ready(t, &s->tentative, turn, s->own + turn->thread * s->tentative.bytes);
}

static lw_q8 activations_of(const product *p, uint32_t t) {
    const size_t stride = (size_t)p->x.stride;
    return (lw_q8){p->x.codes + t * stride, p->x.sums + t * (stride / LW_SUM_COLS), p->x.scales + t,
                   p->x.stride};
}

/* Lookup tables of all tokens. Every thread builds them for itself: to fetch half of them from
 * another core's cache takes longer, and needs a stage of its own. */
static void build_tables(const lw_session *s, const product *p, uint8_t *tables) {
    const uint32_t count = lw_lut_tables(lw_find_layout(p->layout), (uint32_t)p->w.cols);
    for (uint32_t t = 0; t < p->tokens; t++) {
        const lw_q8 x = activations_of(p, t);
        s->kernels.lut[p->layout](&x, tables + t * p->lut_bytes, 0, (int32_t)count);
    }
}

/* Row tiles [from, to), a gemv for each token; several tokens share a few tiles in the cache. */
static void multiply_singly(const lw_session *s, const product *p, const uint8_t *tables,
                            uint32_t from, uint32_t to) {
    const uint32_t step = p->tokens > 1 ? GEMV_TILES : to - from;
    for (uint32_t tile = from; tile < to; tile += step)
        for (uint32_t t = 0; t < p->tokens; t++) {
            const lw_q8 x = activations_of(p, t);
            s->kernels.gemv[p->layout](&p->w, &x, tables ? tables + t * p->lut_bytes : NULL,
                                       p->y + t * p->y_stride, (int32_t)tile,
                                       (int32_t)(to - tile < step ? to : tile + step));
        }
}

/* A product of one token. */
static void multiply_one(lw_session *s, lw_turn *turn, const product *p, uint32_t tiles,
                         uint32_t grain) {
    const size_t tile_rows = lw_find_layout(p->layout)->tile_rows;
    lw_tentative t = {.shared = {.x = p->x, .y = p->y}};
    uint8_t *tables = NULL;
    uint32_t from, to;
    while (lw_take_tentative(turn, tiles, grain, &from, &to)) {
        if (!lw_ready(s, turn, &t))
            continue;
        product own = *p;
        own.x = t.own.x;
        own.y = t.own.y;
        if (!tables && s->kernels.lut[p->layout]) {
            tables = s->lut + turn->thread * s->lut_bytes;
            build_tables(s, &own, tables);
            if (!turn->backup)
                lw_lap(turn->laps, LW_PROFILE_TABLES);
        }
        multiply_singly(s, &own, tables, from, to);
        lw_tentative_commit(&t, turn, from * tile_rows,
                            to < tiles ? to * tile_rows : (size_t)p->w.rows);
    }
}

static void matmul(lw_session *s, lw_turn *turn, const lw_op_record *op, const lw_chunk *chunk,
                   uint32_t begin) {
    const uint32_t id = s->model.tensors[op->tensor].layout;
    const lw_layout *layout = lw_find_layout(id);
    const lw_matrix w = lw_model_matrix(&s->model, op->tensor);
    const product p = {
        .w = w,
        .x = lw_quantized_at(s, &op->src[0], begin),
        .y = f32_at(s, &op->dst, chunk, begin),
        .y_stride = op->dst.stride,
        .tokens = chunk->count - begin,
        .layout = id,
        .lut_bytes = (size_t)lw_lut_tables(layout, (uint32_t)w.cols) * layout->lut_bytes,
    };
    const uint32_t tiles = lw_row_tiles(layout, (uint32_t)w.rows);
    uint32_t grain = lw_grain(op, p.tokens);
    uint8_t *scratch = s->gemm + turn->thread * s->gemm_bytes;
    uint32_t from, to;

    /* Tables of several tokens lie where gemm would unpack weights. */
    if (p.tokens > 1 && (p.tokens >= (uint32_t)s->kernels.gemm_tokens[id] ||
                         p.tokens * p.lut_bytes > s->gemm_bytes)) {
        /* A panel of LW_MAX_TILE_ROWS costs the same when it is not full. */
        grain = (uint32_t)lw_round_up(grain, LW_MAX_TILE_ROWS / layout->tile_rows);
        while (lw_take_share(turn, tiles, grain, &from, &to))
            s->kernels.gemm[id](&p.w, &p.x, (int32_t)p.tokens, p.y, p.y_stride, (int32_t)from,
                                (int32_t)to, scratch);
        return;
    }
    if (tiles >= s->pool.threads * GEMV_TILES)
        grain = (uint32_t)lw_round_up(grain, GEMV_TILES);
    if (p.tokens == 1) {
        multiply_one(s, turn, &p, tiles, grain);
        return;
    }
    uint8_t *tables = NULL;
    while (lw_take_share(turn, tiles, grain, &from, &to)) {
        if (!tables && s->kernels.lut[id]) {
            tables = scratch;
            build_tables(s, &p, tables);
            lw_lap(turn->laps, LW_PROFILE_TABLES);
        }
        multiply_singly(s, &p, tables, from, to);
    }
}

static void matmul_float(lw_session *s, lw_turn *turn, const lw_op_record *op,
                         const lw_chunk *chunk, uint32_t begin) {
    const lw_tensor_record *tensor = &s->model.tensors[op->tensor];
    const void *w = s->model.data + tensor->codes_offset;
    lw_gemv_float_fn *gemv =
        tensor->format == LW_FORMAT_f16 ? s->kernels.gemv_f16 : s->kernels.gemv_f32;
    const uint32_t blocks = (tensor->rows + FLOAT_ROWS - 1) / FLOAT_ROWS;
    const uint32_t tokens = chunk->count - begin;
    const uint32_t grain = lw_grain(op, tokens);
    uint32_t from, to;
    while (lw_take_share(turn, blocks, grain, &from, &to))
        for (uint32_t block = from; block < to; block++) {
            const uint32_t row = block * FLOAT_ROWS;
            const uint32_t left = tensor->rows - row;
            const uint32_t end = row + (left < FLOAT_ROWS ? left : FLOAT_ROWS);
            for (uint32_t t = begin; t < chunk->count; t++)
                gemv(w, (int32_t)tensor->cols, f32_at(s, &op->src[0], chunk, t),
                     f32_at(s, &op->dst, chunk, t), (int32_t)row, (int32_t)end);
        }
}

/* Work items of attention: a block of tokens and the query heads [first, end) of a key/value head.
 * With one block, heads that no even deal to the threads has room for are dealt by query heads. */
typedef struct {
    uint32_t blocks;
    uint32_t whole_heads; /* key/value heads that are dealt whole */
    uint32_t parts;       /* of each other one */
} attention_split;

static attention_split split_attention(const lw_session *s, uint32_t tokens) {
    const lw_conf_record *conf = s->model.conf;
    const uint32_t queries = conf->heads / conf->kv_heads;
    const uint32_t blocks = (tokens + LW_ATTENTION_TOKENS - 1) / LW_ATTENTION_TOKENS;
    const uint32_t rest = blocks == 1 ? conf->kv_heads % s->pool.threads : 0;
    return (attention_split){blocks, conf->kv_heads - rest,
                             queries < s->pool.threads ? queries : s->pool.threads};
}

typedef struct {
    uint32_t block;
    uint32_t head;
    uint32_t first;
    uint32_t end;
} attention_item;

/* Head by head, so that its keys and values stay in the second-level cache; the last tokens have
 * most to read and go first, so that the end is fine-grained. */
static attention_item attention_item_at(const attention_split *split, uint32_t queries,
                                        uint32_t item) {
    const uint32_t whole = split->blocks * split->whole_heads;
    if (item < whole)
        return (attention_item){split->blocks - 1 - item % split->blocks, item / split->blocks, 0,
                                queries};
    const uint32_t part = (item - whole) % split->parts;
    return (attention_item){0, split->whole_heads + (item - whole) / split->parts,
                            part * queries / split->parts, (part + 1) * queries / split->parts};
}

static void attention(lw_session *s, lw_turn *turn, const lw_op_record *op, const lw_chunk *chunk,
                      uint32_t begin) {
    const lw_conf_record *conf = s->model.conf;
    const uint32_t queries = conf->heads / conf->kv_heads;
    const uint32_t tokens = chunk->count - begin;
    const attention_split split = split_attention(s, tokens);
    const uint32_t items =
        split.blocks * split.whole_heads + (conf->kv_heads - split.whole_heads) * split.parts;
    lw_attention_fn *attend =
        conf->kv_type == LW_KV_Q8 ? s->kernels.attention_q8 : s->kernels.attention;
    const size_t scores = (size_t)LW_ATTENTION_TOKENS * queries * s->scores_stride;
    uint32_t taken;
    while (lw_take_one(turn, items, &taken)) {
        const attention_item item = attention_item_at(&split, queries, taken);
        const uint32_t at = item.block * LW_ATTENTION_TOKENS;
        const uint32_t left = tokens - at;
        const size_t column = ((size_t)item.head * queries + item.first) * conf->head_dim;
        const cached_head keys = cache_at(s, op->layer, KEYS, item.head);
        const cached_head values = cache_at(s, op->layer, VALUES, item.head);
        /* the next one of this thread, if threads take turns */
        const uint32_t next = taken + s->pool.threads;
        const lw_attention_args args = {
            .q = f32_at(s, &op->src[0], chunk, begin + at) + column,
            .k = keys.elements,
            .v = values.elements,
            .k_scales = keys.scales,
            .v_scales = values.scales,
            .next = next < items ? cache_at(s, op->layer, KEYS,
                                            attention_item_at(&split, queries, next).head)
                                       .elements
                                 : NULL,
            .out = f32_at(s, &op->dst, chunk, begin + at) + column,
            .scores = s->scores + turn->thread * scores,
            .q_stride = op->src[0].stride,
            .out_stride = op->dst.stride,
            .scores_stride = (int32_t)s->scores_stride,
            .tokens = (int32_t)(left < LW_ATTENTION_TOKENS ? left : LW_ATTENTION_TOKENS),
            .queries = (int32_t)(item.end - item.first),
            .head_dim = (int32_t)conf->head_dim,
            .positions = (int32_t)(chunk->position + begin + at + 1),
            .scale = op->param,
        };
        attend(&args);
    }
}

void lw_run_shared(lw_session *s, lw_turn *turn, const lw_op_record *op, const lw_chunk *chunk,
                   uint32_t begin) {
    switch (op->op) {
    case LW_OP_matmul:
        matmul(s, turn, op, chunk, begin);
        break;
    case LW_OP_matmul_float:
        matmul_float(s, turn, op, chunk, begin);
        break;
    default:
        attention(s, turn, op, chunk, begin);
    }
}
