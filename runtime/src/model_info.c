#include "layout.h"
#include "model.h"
#include "registry.h"
#include "signature.h"

void lw_model_get_info(const lw_model *model, lw_model_info *info) {
    const lw_model_view view = lw_view_model(model);
    const lw_conf_record *conf = view.conf;
    uint64_t weight_bytes = 0;
    for (uint32_t i = 0; i < conf->tensors; i++)
        weight_bytes += view.tensors[i].codes_bytes + view.tensors[i].scales_bytes;
    *info = (lw_model_info){
        .vocab = conf->vocab,
        .hidden = conf->hidden,
        .layers = conf->layers,
        .heads = conf->heads,
        .kv_heads = conf->kv_heads,
        .head_dim = conf->head_dim,
        .max_context = conf->max_context,
        .chunk = conf->chunk,
        .isa = conf->isa,
        .tensors = conf->tensors,
        .ops = conf->ops,
        .bos = conf->bos,
        .weight_bytes = weight_bytes,
        .arena_bytes = conf->arena_bytes,
        .kv_bytes_per_token =
            2 * (uint64_t)conf->layers * conf->kv_heads * lw_kv_position_bytes(conf),
    };
}

lw_status lw_model_get_tensor(const lw_model *model, uint32_t index, lw_tensor_info *info) {
    const lw_model_view view = lw_view_model(model);
    if (!info || index >= view.conf->tensors)
        return LW_ERR_ARGUMENT;
    const lw_tensor_record *tensor = &view.tensors[index];
    *info = (lw_tensor_info){
        .name = view.strings + tensor->name_offset,
        .name_bytes = tensor->name_bytes,
        .rows = tensor->rows,
        .cols = tensor->cols,
        .format = tensor->format,
        .layout = tensor->layout,
        .format_name = lw_find_format(tensor->format)->name,
        .layout_name = lw_find_layout(tensor->layout)->name,
        .bytes = tensor->codes_bytes + tensor->scales_bytes,
    };
    return LW_OK;
}

static bool is_multiplied(const lw_model_view *view, uint32_t tensor) {
    for (uint32_t i = 0; i < view->conf->ops; i++)
        if (view->ops[i].op == LW_OP_matmul && view->ops[i].tensor == tensor)
            return true;
    return false;
}

lw_status lw_model_get_kernel(const lw_model *model, uint32_t index, uint32_t isa, uint32_t tokens,
                              const char **name) {
    const lw_model_view view = lw_view_model(model);
    if (!name || index >= view.conf->tensors || isa >= LW_ISA_COUNT || tokens == 0)
        return LW_ERR_ARGUMENT;
    *name = NULL;
    if (is_multiplied(&view, index))
        *name = lw_kernels_name(isa, view.tensors[index].layout, tokens);
    return LW_OK;
}

lw_matrix lw_model_matrix(const lw_model_view *model, uint32_t index) {
    const lw_tensor_record *tensor = &model->tensors[index];
    const lw_format *format = lw_find_format(tensor->format);
    const uint8_t *scales = model->data + tensor->scales_offset;
    const uint64_t zeros =
        lw_zeros_bytes(tensor->layout, tensor->format, tensor->rows, tensor->cols);
    return (lw_matrix){
        .codes = model->data + tensor->codes_offset,
        .scales = scales,
        .rows = (int32_t)tensor->rows,
        .cols = (int32_t)tensor->cols,
        .bits = (int32_t)format->bits,
        .offset = lw_format_offset(format),
        .group = (int32_t)format->group,
        .zeros = zeros > 0 ? scales + tensor->scales_bytes - zeros : NULL,
    };
}
