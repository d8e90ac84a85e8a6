#include "layout.h"
#include "model.h"
#include "split.h"

enum { MAX_ROWS = 1 << 24, MAX_COLS = 1 << 22, BASE3_MAX = 242 };

/* Take the part of DATA at [offset, offset + bytes), which must follow the part that ends at *end
 * at the next multiple of 64, with zeros between. Nothing wraps: *end is at most data_bytes. */
static bool take_part(const lw_model_view *model, uint64_t *end, uint64_t offset, uint64_t bytes) {
    uint64_t begin = lw_round_up(*end, LW_ALIGN);
    if (offset != begin || begin > model->data_bytes || bytes > model->data_bytes - begin)
        return false;
    for (uint64_t i = *end; i < begin; i++)
        if (model->data[i] != 0)
            return false;
    *end = begin + bytes;
    return true;
}

static bool at_most(const uint8_t *bytes, uint64_t count, uint8_t limit) {
    uint8_t greatest = 0;
    for (uint64_t i = 0; i < count; i++)
        greatest = bytes[i] > greatest ? bytes[i] : greatest;
    return greatest <= limit;
}

/* Bytes that a layout cannot hold: of base3 all, of split those of the dither. */
static bool codes_valid(const lw_tensor_record *tensor, const uint8_t *codes) {
    switch (tensor->layout) {
    case LW_LAYOUT_base3:
        return at_most(codes, tensor->codes_bytes, BASE3_MAX);
    case LW_LAYOUT_split: {
        const uint64_t columns = lw_split_dither_bytes(tensor->cols);
        return at_most(codes + tensor->codes_bytes - columns, columns, LW_SPLIT_DITHER_MAX);
    }
    default:
        return true;
    }
}

/* Zero points behind the scales, up to the greatest code, and nothing in between. */
static bool zeros_valid(const lw_tensor_record *tensor, const uint8_t *scales, bool check_weights) {
    const uint64_t count =
        lw_zeros_bytes(tensor->layout, tensor->format, tensor->rows, tensor->cols);
    if (count == 0)
        return true;
    const uint64_t scales_end = count * sizeof(uint16_t);
    const uint64_t begin = tensor->scales_bytes - count;
    const uint8_t greatest = (uint8_t)((1u << lw_find_format(tensor->format)->bits) - 1);
    return at_most(scales + scales_end, begin - scales_end, 0) &&
           (!check_weights || at_most(scales + begin, count, greatest));
}

static lw_status check_tensor(const lw_model_view *model, const lw_tensor_record *tensor,
                              bool check_weights, uint64_t *end) {
    if (!lw_find_format(tensor->format))
        return LW_ERR_FORMAT;
    const lw_layout *layout = lw_find_layout(tensor->layout);
    if (!layout || !lw_layout_accepts(tensor->layout, tensor->format))
        return LW_ERR_LAYOUT;
    if (tensor->fingerprint != lw_layout_fingerprint(layout))
        return LW_ERR_FINGERPRINT;
    if (tensor->rows < 1 || tensor->rows > MAX_ROWS || tensor->cols < 1 ||
        tensor->cols > MAX_COLS || tensor->zero != 0 ||
        !lw_sums_exact(tensor->format, tensor->cols))
        return LW_ERR_TENSOR;
    if ((uint64_t)tensor->name_offset + tensor->name_bytes > model->strings_bytes)
        return LW_ERR_TENSOR;

    if (tensor->codes_bytes !=
            lw_codes_bytes(tensor->layout, tensor->format, tensor->rows, tensor->cols) ||
        tensor->scales_bytes !=
            lw_scales_bytes(tensor->layout, tensor->format, tensor->rows, tensor->cols))
        return LW_ERR_TENSOR;
    if (!take_part(model, end, tensor->codes_offset, tensor->codes_bytes))
        return LW_ERR_TENSOR;
    if (tensor->scales_bytes == 0
            ? tensor->scales_offset != 0
            : !take_part(model, end, tensor->scales_offset, tensor->scales_bytes))
        return LW_ERR_TENSOR;
    if (check_weights && !codes_valid(tensor, model->data + tensor->codes_offset))
        return LW_ERR_TENSOR;
    if (!zeros_valid(tensor, model->data + tensor->scales_offset, check_weights))
        return LW_ERR_TENSOR;
    return LW_OK;
}

lw_status lw_check_tensors(const lw_model_view *model, bool check_weights, uint32_t *detail) {
    uint64_t end = 0;
    for (uint32_t i = 0; i < model->conf->tensors; i++) {
        *detail = i;
        lw_status status = check_tensor(model, &model->tensors[i], check_weights, &end);
        if (status != LW_OK)
            return status;
    }
    *detail = UINT32_MAX;
    return end == model->data_bytes ? LW_OK : LW_ERR_TENSOR;
}
