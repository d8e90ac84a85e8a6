#include <math.h>

#include "layout.h"
#include "model.h"
#include "signature.h"

/* Quantised operands that are alive at the same time; a transformer's plan has one or two. */
enum { MAX_QUANTIZED = 16 };

enum { MAX_SHARE = 1 << 24 }; /* as many as a matrix has rows */

/* What the operations seen so far have left behind. */
typedef struct {
    uint64_t stored[4096 / 64]; /* layers whose keys and values are in the cache, one bit each */
    lw_operand
        quantized[MAX_QUANTIZED]; /* q8 operands that hold what quantize wrote, oldest first */
    uint32_t quantized_count;
} plan_state;

static bool same_bits(float value, float expected) {
    return memcmp(&value, &expected, sizeof value) == 0;
}

static bool unused_fields_zero(const lw_op_record *op, const lw_signature *signature) {
    for (size_t i = 0; i < sizeof op->zero; i++)
        if (op->zero[i] != 0)
            return false;
    const bool shared = op->op == LW_OP_matmul || op->op == LW_OP_matmul_float;
    return op->share <= (shared ? MAX_SHARE : 0) && (signature->layer || op->layer == 0) &&
           (signature->param || same_bits(op->param, 0.0f)) &&
           (signature->tensor || op->tensor == LW_NO_TENSOR);
}

/* The logits are written by the last operation, and by it alone. rope also reads its destination.
 */
static bool dst_fits(const lw_model_view *model, uint32_t index, lw_operand_kind kind) {
    const lw_conf_record *conf = model->conf;
    const lw_op_record *op = &model->ops[index];
    if (index + 1 < conf->ops)
        return lw_operand_fits(&op->dst, kind, conf->chunk, conf->arena_bytes);
    return kind == LW_OPERAND_F32 && op->op != LW_OP_rope && op->dst.offset == LW_LOGITS_OFFSET &&
           op->dst.stride == conf->vocab && op->dst.width == conf->vocab;
}

static bool operands_fit(const lw_model_view *model, uint32_t index,
                         const lw_signature *signature) {
    const lw_conf_record *conf = model->conf;
    const lw_op_record *op = &model->ops[index];
    if (!dst_fits(model, index, signature->dst))
        return false;
    for (int i = 0; i < 2; i++) {
        const lw_operand *src = &op->src[i];
        if (!lw_operand_fits(src, signature->src[i], conf->chunk, conf->arena_bytes))
            return false;
        if (signature->alias && lw_operand_equal(src, &op->dst))
            continue;
        if (!lw_operand_disjoint(&op->dst, signature->dst, src, signature->src[i], conf->chunk))
            return false;
    }
    return true;
}

static bool tensor_is(const lw_tensor_record *tensor, uint32_t rows, uint32_t cols) {
    return tensor->rows == rows && tensor->cols == cols;
}

static bool tensor_is_f32(const lw_tensor_record *tensor, uint32_t rows, uint32_t cols) {
    return tensor->format == LW_FORMAT_f32 && tensor_is(tensor, rows, cols);
}

/* Widths, the tensor's shape and codebook. The tensor is NULL for operations without one. */
static bool shapes_fit(const lw_conf_record *conf, const lw_op_record *op,
                       const lw_tensor_record *tensor) {
    const uint32_t width = op->dst.width;
    const bool floats = tensor && lw_find_format(tensor->format)->codebook == LW_CODEBOOK_FLOAT;
    switch (op->op) {
    case LW_OP_embed:
        return width == conf->hidden && tensor_is(tensor, conf->vocab, conf->hidden);
    case LW_OP_rmsnorm:
        return width == op->src[0].width && tensor_is_f32(tensor, 1, width);
    case LW_OP_quantize:
        return width == op->src[0].width;
    case LW_OP_matmul:
        return !floats && tensor_is(tensor, width, op->src[0].width);
    case LW_OP_matmul_float:
        return floats && tensor_is(tensor, width, op->src[0].width);
    case LW_OP_rope:
        return width % conf->head_dim == 0 &&
               tensor_is_f32(tensor, conf->max_context, conf->head_dim);
    case LW_OP_kv_store:
        return op->src[0].width == conf->kv_heads * conf->head_dim &&
               op->src[1].width == op->src[0].width;
    case LW_OP_attention:
        return width == conf->heads * conf->head_dim && op->src[0].width == width;
    case LW_OP_add:
    case LW_OP_relu2_mul:
    case LW_OP_silu_mul:
        return width == op->src[0].width && width == op->src[1].width;
    default:
        return false;
    }
}

/* Attention reads what kv_store wrote for every position: each layer is stored once, before it is
 * read, and for all tokens, which operations of the head do not cover. */
static bool cache_order_holds(const lw_conf_record *conf, const lw_op_record *op, uint32_t index,
                              plan_state *state) {
    uint64_t *word = &state->stored[op->layer / 64];
    uint64_t bit = UINT64_C(1) << (op->layer % 64);
    if (op->op == LW_OP_attention)
        return (*word & bit) != 0;
    bool first = (*word & bit) == 0;
    *word |= bit;
    return first && index < conf->head_begin;
}

static bool is_quantized(const plan_state *state, const lw_operand *operand) {
    for (uint32_t i = 0; i < state->quantized_count; i++)
        if (lw_operand_equal(&state->quantized[i], operand))
            return true;
    return false;
}

/* Forget what the operation overwrites, and remember what it quantises. */
static void track_quantized(const lw_conf_record *conf, const lw_op_record *op, plan_state *state) {
    const lw_operand_kind kind = lw_find_signature(op->op)->dst;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < state->quantized_count; i++)
        if (lw_operand_disjoint(&op->dst, kind, &state->quantized[i], LW_OPERAND_Q8, conf->chunk))
            state->quantized[kept++] = state->quantized[i];
    if (op->op == LW_OP_quantize && kept == MAX_QUANTIZED)
        memmove(state->quantized, state->quantized + 1, --kept * sizeof *state->quantized);
    if (op->op == LW_OP_quantize)
        state->quantized[kept++] = op->dst;
    state->quantized_count = kept;
}

static bool op_valid(const lw_model_view *model, uint32_t index, plan_state *state) {
    const lw_conf_record *conf = model->conf;
    const lw_op_record *op = &model->ops[index];
    const lw_signature *signature = lw_find_signature(op->op);
    if (!signature->known || !unused_fields_zero(op, signature) || !isfinite(op->param))
        return false;
    if (signature->tensor && op->tensor >= conf->tensors)
        return false;
    if (!operands_fit(model, index, signature) ||
        !shapes_fit(conf, op, signature->tensor ? &model->tensors[op->tensor] : NULL))
        return false;
    if (signature->layer &&
        (op->layer >= conf->layers || !cache_order_holds(conf, op, index, state)))
        return false;
    /* Kernels rely on the range of codes and sums, which only quantize guarantees. */
    if (op->op == LW_OP_matmul && !is_quantized(state, &op->src[0]))
        return false;
    track_quantized(conf, op, state);
    return true;
}

lw_status lw_check_ops(const lw_model_view *model, uint32_t *detail) {
    plan_state state = {0};
    for (uint32_t i = 0; i < model->conf->ops; i++) {
        *detail = i;
        if (!op_valid(model, i, &state))
            return LW_ERR_OP;
    }
    return LW_OK;
}
