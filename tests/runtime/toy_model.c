#include "toy_model.h"

#include <string.h>

#include "check.h"
#include "kernel.h"
#include "layout.h"
#include "lutwerk/lutwerk.h"
#include "model_bytes.h"
#include "scalar/f16.h"
#include "signature.h"
#include "split.h"

enum { MAX_OPS = 64, MAX_DATA = 1 << 20, QKV_HEADS = TOY_HEADS + 2 * TOY_KV_HEADS };

typedef struct {
    uint64_t random;
    toy_head head;
    lw_conf_record conf;
    lw_tensor_record tensors[TOY_TENSORS];
    lw_op_record ops[MAX_OPS];
    uint64_t data_bytes;
    uint8_t data[MAX_DATA];
} builder;

static uint64_t take_data(builder *b, uint64_t bytes) {
    const uint64_t begin = lw_round_up(b->data_bytes, LW_ALIGN);
    b->data_bytes = begin + bytes;
    CHECK(b->data_bytes <= MAX_DATA);
    return begin;
}

/* Codes of a layout's own range: bytes of base3 up to 242, no code 3 in ternary fields and planes,
 * a dither of split up to 7. */
static void fill_codes(builder *b, const lw_tensor_record *tensor) {
    uint8_t *codes = b->data + tensor->codes_offset;
    for (uint64_t i = 0; i < tensor->codes_bytes; i++)
        codes[i] = (uint8_t)random_below(&b->random, tensor->layout == LW_LAYOUT_base3 ? 243 : 256);
    const uint64_t dither_bytes = lw_split_dither_bytes(tensor->cols);
    for (uint64_t i = 0; i < dither_bytes && tensor->layout == LW_LAYOUT_split; i++)
        codes[tensor->codes_bytes - 1 - i] &= LW_SPLIT_DITHER_MAX;
    if (tensor->format != LW_FORMAT_ternary)
        return;
    const uint64_t plane_bytes = 256;
    for (uint64_t i = 0; i < tensor->codes_bytes; i++) {
        if (tensor->layout == LW_LAYOUT_fields)
            codes[i] = (uint8_t)(codes[i] & ~((codes[i] & 0x55) << 1));
        if (tensor->layout == LW_LAYOUT_planes && i / plane_bytes % 2 == 1)
            codes[i] = (uint8_t)(codes[i] & ~codes[i - plane_bytes]);
    }
}

static void fill_floats(builder *b, const lw_tensor_record *tensor, float center, float spread) {
    const uint64_t count = (uint64_t)tensor->rows * tensor->cols;
    for (uint64_t i = 0; i < count; i++) {
        const float value = center + spread * random_float(&b->random);
        const uint16_t half = lw_f32_to_f16(value);
        uint8_t *element = b->data + tensor->codes_offset;
        if (tensor->format == LW_FORMAT_f32)
            memcpy(element + i * sizeof value, &value, sizeof value);
        else
            memcpy(element + i * sizeof half, &half, sizeof half);
    }
}

static void fill_scales(builder *b, const lw_tensor_record *tensor) {
    uint8_t *scales = b->data + tensor->scales_offset;
    const int row_scale = lw_find_format(tensor->format)->scale == LW_SCALE_ROW_F32;
    for (uint64_t at = 0; at < tensor->scales_bytes; at += row_scale ? 4 : 2) {
        const float value = 0.03f + 0.02f * random_float(&b->random);
        const uint16_t half = lw_f32_to_f16(value);
        if (row_scale)
            memcpy(scales + at, &value, sizeof value);
        else
            memcpy(scales + at, &half, sizeof half);
    }
}

/* Float tensors get values of center +- spread. Returns the tensor's index. */
static uint32_t add_tensor(builder *b, uint32_t format, uint32_t layout, uint32_t rows,
                           uint32_t cols, float center, float spread) {
    const uint32_t index = b->conf.tensors++;
    CHECK(index < TOY_TENSORS);
    lw_tensor_record *tensor = &b->tensors[index];
    *tensor = (lw_tensor_record){
        .name_offset = index % 2,
        .name_bytes = 1,
        .format = format,
        .layout = layout,
        .fingerprint = lw_layout_fingerprint(lw_find_layout(layout)),
        .rows = rows,
        .cols = cols,
        .codes_bytes = lw_codes_bytes(layout, format, rows, cols),
        .scales_bytes = lw_scales_bytes(layout, format, rows, cols),
    };
    tensor->codes_offset = take_data(b, tensor->codes_bytes);
    if (layout == LW_LAYOUT_rows)
        fill_floats(b, tensor, center, spread);
    else
        fill_codes(b, tensor);
    if (tensor->scales_bytes > 0) {
        tensor->scales_offset = take_data(b, tensor->scales_bytes);
        fill_scales(b, tensor);
    }
    return index;
}

static uint32_t add_matrix(builder *b, uint32_t format, uint32_t layout, uint32_t rows,
                           uint32_t cols) {
    return add_tensor(b, format, layout, rows, cols, 0, 0);
}

static uint32_t add_norm(builder *b, uint32_t width) {
    return add_tensor(b, LW_FORMAT_f32, LW_LAYOUT_rows, 1, width, 1.0f, 0.2f);
}

static lw_op_record *add_op(builder *b, uint32_t kind, uint32_t tensor, lw_operand dst,
                            lw_operand src0, lw_operand src1) {
    CHECK(b->conf.ops < MAX_OPS);
    lw_op_record *op = &b->ops[b->conf.ops++];
    *op = (lw_op_record){.op = kind, .tensor = tensor, .dst = dst, .src = {src0, src1}};
    return op;
}

static lw_operand take_f32(builder *b, uint32_t width, uint32_t stride) {
    const lw_operand operand = {b->conf.arena_bytes, stride, width};
    b->conf.arena_bytes =
        lw_round_up(b->conf.arena_bytes + (uint64_t)TOY_CHUNK * stride * 4, LW_ALIGN);
    return operand;
}

static lw_operand take_q8(builder *b, uint32_t width) {
    const lw_operand operand = {b->conf.arena_bytes, (uint32_t)lw_q8_stride((int32_t)width), width};
    b->conf.arena_bytes += lw_q8_operand_bytes(width, TOY_CHUNK);
    return operand;
}

static lw_operand columns(lw_operand value, uint32_t start, uint32_t width) {
    return (lw_operand){value.offset + start * sizeof(float), value.stride, width};
}

static const lw_operand none;

typedef struct {
    lw_operand x, normed, normed_q8, wide, mixed, mixed_q8, projected, inner, inner_q8;
    uint32_t rope;
} values;

static void add_layer(builder *b, const values *v, uint32_t layer) {
    static const uint32_t layouts[] = {LW_LAYOUT_base3, LW_LAYOUT_planes, LW_LAYOUT_fields};
    const uint32_t layout = layouts[layer % 3], kv_width = TOY_KV_HEADS * TOY_HEAD_DIM;
    const lw_operand qkv = columns(v->wide, 0, QKV_HEADS * TOY_HEAD_DIM);
    const lw_operand q = columns(v->wide, 0, TOY_HEADS * TOY_HEAD_DIM);
    const lw_operand k = columns(v->wide, q.width, kv_width);
    const lw_operand value = columns(v->wide, q.width + kv_width, kv_width);
    const lw_operand gate_up = v->wide;
    const lw_operand gate = columns(v->wide, 0, TOY_INNER),
                     up = columns(v->wide, TOY_INNER, TOY_INNER);

    add_op(b, LW_OP_rmsnorm, add_norm(b, TOY_HIDDEN), v->normed, v->x, none)->param = 1e-5f;
    add_op(b, LW_OP_quantize, LW_NO_TENSOR, v->normed_q8, v->normed, none);
    add_op(b, LW_OP_matmul, add_matrix(b, LW_FORMAT_ternary, layout, qkv.width, TOY_HIDDEN), qkv,
           v->normed_q8, none);
    add_op(b, LW_OP_rope, v->rope, q, none, none);
    add_op(b, LW_OP_rope, v->rope, k, none, none);
    add_op(b, LW_OP_kv_store, LW_NO_TENSOR, none, k, value)->layer = layer;
    lw_op_record *attention = add_op(b, LW_OP_attention, LW_NO_TENSOR, v->mixed, q, none);
    attention->layer = layer;
    attention->param = 0.4f;
    add_op(b, LW_OP_quantize, LW_NO_TENSOR, v->mixed_q8, v->mixed, none);
    add_op(b, LW_OP_matmul,
           add_matrix(b, LW_FORMAT_i4g32, LW_LAYOUT_planes, TOY_HIDDEN, v->mixed.width),
           v->projected, v->mixed_q8, none);
    add_op(b, LW_OP_add, LW_NO_TENSOR, v->x, v->x, v->projected);
    add_op(b, LW_OP_rmsnorm, add_norm(b, TOY_HIDDEN), v->normed, v->x, none)->param = 1e-5f;
    add_op(b, LW_OP_quantize, LW_NO_TENSOR, v->normed_q8, v->normed, none);
    add_op(b, LW_OP_matmul, add_matrix(b, LW_FORMAT_ternary, layout, 2 * TOY_INNER, TOY_HIDDEN),
           gate_up, v->normed_q8, none);
    add_op(b, layer % 2 ? LW_OP_silu_mul : LW_OP_relu2_mul, LW_NO_TENSOR, v->inner, gate, up);
    add_op(b, LW_OP_quantize, LW_NO_TENSOR, v->inner_q8, v->inner, none);
    add_op(b, LW_OP_matmul, add_matrix(b, LW_FORMAT_i3g32, LW_LAYOUT_fields, TOY_HIDDEN, TOY_INNER),
           v->projected, v->inner_q8, none);
    add_op(b, LW_OP_add, LW_NO_TENSOR, v->x, v->x, v->projected);
}

static uint32_t add_embedding(builder *b) {
    switch (b->head) {
    case TOY_HEAD_F16:
        return add_tensor(b, LW_FORMAT_f16, LW_LAYOUT_rows, TOY_VOCAB, TOY_HIDDEN, 0.0f, 1.0f);
    case TOY_HEAD_FIELDS:
        return add_matrix(b, LW_FORMAT_i6g64, LW_LAYOUT_fields, TOY_VOCAB, TOY_HIDDEN);
    default:
        return add_matrix(b, LW_FORMAT_i57g64, LW_LAYOUT_split, TOY_VOCAB, TOY_HIDDEN);
    }
}

static void build_plan(builder *b) {
    values v = {
        .x = take_f32(b, TOY_HIDDEN, TOY_HIDDEN),
        .projected = take_f32(b, TOY_HIDDEN, TOY_HIDDEN + 4),
        .normed_q8 = take_q8(b, TOY_HIDDEN),
        .wide = take_f32(b, 2 * TOY_INNER, 2 * TOY_INNER),
        .mixed = take_f32(b, TOY_HEADS * TOY_HEAD_DIM, TOY_HEADS * TOY_HEAD_DIM),
        .mixed_q8 = take_q8(b, TOY_HEADS * TOY_HEAD_DIM),
        .inner = take_f32(b, TOY_INNER, TOY_INNER),
        .inner_q8 = take_q8(b, TOY_INNER),
    };
    /* The same memory with another stride: the norm of one token overwrites what the sum of another
     * reads. */
    v.normed = (lw_operand){v.projected.offset, TOY_HIDDEN, TOY_HIDDEN};
    const uint32_t embedding = add_embedding(b);
    v.rope = add_tensor(b, LW_FORMAT_f32, LW_LAYOUT_rows, TOY_CONTEXT, TOY_HEAD_DIM, 0.0f, 1.0f);
    add_op(b, LW_OP_embed, embedding, v.x, none, none);
    for (uint32_t layer = 0; layer < TOY_LAYERS; layer++)
        add_layer(b, &v, layer);

    b->conf.head_begin = b->conf.ops;
    const lw_operand logits = {LW_LOGITS_OFFSET, TOY_VOCAB, TOY_VOCAB};
    add_op(b, LW_OP_rmsnorm, add_norm(b, TOY_HIDDEN), v.x, v.x, none)->param = 1e-5f;
    if (b->head != TOY_HEAD_F16) {
        add_op(b, LW_OP_quantize, LW_NO_TENSOR, v.normed_q8, v.x, none);
        add_op(b, LW_OP_matmul, embedding, logits, v.normed_q8, none);
    } else {
        add_op(b, LW_OP_matmul_float, embedding, logits, v.x, none);
    }
}

uint8_t *toy_model_build(uint64_t seed, toy_head head, size_t *bytes) {
    builder *b = calloc(1, sizeof *b);
    CHECK(b);
    b->random = seed + 1;
    b->head = head;
    b->conf = (lw_conf_record){.vocab = TOY_VOCAB,
                               .hidden = TOY_HIDDEN,
                               .layers = TOY_LAYERS,
                               .heads = TOY_HEADS,
                               .kv_heads = TOY_KV_HEADS,
                               .head_dim = TOY_HEAD_DIM,
                               .max_context = TOY_CONTEXT,
                               .chunk = TOY_CHUNK,
                               .bos = LW_NO_TOKEN,
                               .kv_type = head == TOY_HEAD_F16 ? LW_KV_F16 : LW_KV_Q8};
    build_plan(b);

    const uint32_t golden[11] = {2, 0, TOY_VOCAB - 1};
    const file_section sections[LW_SECTION_COUNT] = {
        {&b->conf, sizeof b->conf},
        {b->tensors, b->conf.tensors * sizeof *b->tensors},
        {b->ops, b->conf.ops * sizeof *b->ops},
        {"ab", 2},
        {"", 0},
        {"", 0},
        {"", 0},
        {golden, sizeof golden},
        {b->data, b->data_bytes},
    };
    uint8_t *file = write_file(sections, bytes);
    free(b);
    return file;
}
