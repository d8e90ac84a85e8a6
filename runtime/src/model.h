/* An open model: what lw_model holds, and the validation steps of lw_model_open. */
#ifndef LW_MODEL_H
#define LW_MODEL_H

#include <stdbool.h>
#include <string.h>

#include "kernel.h"
#include "lutwerk/chat.h"
#include "lutwerk/lutwerk.h"
#include "records.h"

typedef struct {
    const lw_conf_record *conf;
    const lw_tensor_record *tensors; /* [conf->tensors] */
    const lw_op_record *ops;         /* [conf->ops] */
    const char *strings;
    uint64_t strings_bytes;
    const void *text; /* the tokeniser's tables */
    uint64_t text_bytes;
    const void *chat; /* the chat template's tables */
    uint64_t chat_bytes;
    const uint32_t *golden; /* count, ids [count], SHA-256 of their logits */
    const uint8_t *data;    /* 64-byte aligned */
    uint64_t data_bytes;
} lw_model_view;

_Static_assert(sizeof(lw_model_view) <= sizeof(lw_model), "lw_model is too small");

/* lw_model is an array of integers to its users, so that its bytes are copied rather than aliased.
 */
static inline lw_model_view lw_view_model(const lw_model *model) {
    lw_model_view view;
    memcpy(&view, model->opaque, sizeof view);
    return view;
}

/* Each step relies on those before it: sections found, then constants, tensors, operations. *detail
 * is the index of the offending tensor or operation. check_weights: also refuse codes that the
 * layout cannot hold. */
lw_status lw_check_config(const lw_conf_record *conf);
lw_status lw_check_tensors(const lw_model_view *model, bool check_weights, uint32_t *detail);
lw_status lw_check_ops(const lw_model_view *model, uint32_t *detail);

/* Tensor `index`, of an integer format, as kernels take it. */
lw_matrix lw_model_matrix(const lw_model_view *model, uint32_t index);

#endif
