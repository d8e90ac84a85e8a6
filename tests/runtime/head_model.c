#include "head_model.h"

#include <string.h>

#include "check.h"
#include "kernel.h"
#include "layout.h"
#include "lutwerk/lutwerk.h"
#include "model_bytes.h"
#include "pack_split.h"
#include "scalar/f16.h"
#include "signature.h"

enum { TENSORS = 2, OPS = 3 };

static lw_tensor_record make_tensor(uint64_t *end, uint32_t format, uint32_t layout, uint32_t rows,
                                    uint32_t cols) {
    lw_tensor_record tensor = {
        .name_bytes = 1,
        .format = format,
        .layout = layout,
        .fingerprint = lw_layout_fingerprint(lw_find_layout(layout)),
        .rows = rows,
        .cols = cols,
        .codes_bytes = lw_codes_bytes(layout, format, rows, cols),
        .scales_bytes = lw_scales_bytes(layout, format, rows, cols),
    };
    tensor.codes_offset = lw_round_up(*end, LW_ALIGN);
    *end = tensor.codes_offset + tensor.codes_bytes;
    if (tensor.scales_bytes > 0) {
        tensor.scales_offset = lw_round_up(*end, LW_ALIGN);
        *end = tensor.scales_offset + tensor.scales_bytes;
    }
    return tensor;
}

static void put_scales(uint8_t *at, const head_model *model) {
    const uint32_t groups = (model->hidden + 63) / 64;
    for (uint32_t n = 0; n < model->vocab; n++)
        for (uint32_t g = 0; g < groups; g++) {
            const uint16_t half = lw_f32_to_f16(model->scales[(size_t)n * groups + g]);
            const size_t index = ((size_t)(n / 16) * groups + g) * 16 + n % 16;
            memcpy(at + index * sizeof half, &half, sizeof half);
        }
}

uint8_t *head_model_build(const head_model *model, size_t *bytes) {
    uint64_t end = 0;
    const lw_tensor_record tensors[TENSORS] = {
        make_tensor(&end, LW_FORMAT_f32, LW_LAYOUT_rows, model->vocab, model->hidden),
        make_tensor(&end, LW_FORMAT_i57g64, LW_LAYOUT_split, model->vocab, model->hidden)};
    uint8_t *data = calloc(1, end);
    CHECK(data);
    memcpy(data, model->states, tensors[0].codes_bytes);
    split_pack(data + tensors[1].codes_offset, (int32_t)model->vocab, (int32_t)model->hidden,
               model->codes, model->dither);
    put_scales(data + tensors[1].scales_offset, model);

    const lw_operand none = {0, 0, 0};
    const lw_operand state = {0, model->hidden, model->hidden};
    const lw_operand quantized = {lw_round_up(model->hidden * sizeof(float), LW_ALIGN),
                                  (uint32_t)lw_q8_stride((int32_t)model->hidden), model->hidden};
    const lw_operand logits = {LW_LOGITS_OFFSET, model->vocab, model->vocab};
    const lw_op_record ops[OPS] = {
        {.op = LW_OP_embed, .dst = state, .src = {none, none}},
        {.op = LW_OP_quantize, .tensor = LW_NO_TENSOR, .dst = quantized, .src = {state, none}},
        {.op = LW_OP_matmul, .tensor = 1, .dst = logits, .src = {quantized, none}}};
    const lw_conf_record conf = {.vocab = model->vocab,
                                 .hidden = model->hidden,
                                 .layers = 1,
                                 .heads = 1,
                                 .kv_heads = 1,
                                 .head_dim = 2,
                                 .max_context = HEAD_CONTEXT,
                                 .chunk = 1,
                                 .head_begin = 1,
                                 .bos = LW_NO_TOKEN,
                                 .tensors = TENSORS,
                                 .ops = OPS,
                                 .arena_bytes =
                                     quantized.offset + lw_q8_operand_bytes(model->hidden, 1)};
    const uint32_t golden[10] = {1};
    const file_section sections[LW_SECTION_COUNT] = {{&conf, sizeof conf},
                                                     {tensors, sizeof tensors},
                                                     {ops, sizeof ops},
                                                     {"a", 1},
                                                     {"", 0},
                                                     {"", 0},
                                                     {"", 0},
                                                     {golden, sizeof golden},
                                                     {data, end}};
    uint8_t *file = write_file(sections, bytes);
    free(data);
    return file;
}
