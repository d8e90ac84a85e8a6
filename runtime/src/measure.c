#include <time.h>

#include "layout.h"
#include "ops.h"
#include "signature.h"

/* Whether an operation multiplies by a matrix of the tensor's shape, format and layout. */
static bool multiplies_alike(const lw_model_view *model, const lw_op_record *op,
                             const lw_tensor_record *tensor) {
    if (op->op != LW_OP_matmul && op->op != LW_OP_matmul_float)
        return false;
    const lw_tensor_record *other = &model->tensors[op->tensor];
    return other->rows == tensor->rows && other->cols == tensor->cols &&
           other->format == tensor->format && other->layout == tensor->layout;
}

/* Every product has the operands of the first one: the plan may let one product's result overlap
 * the source of another, and kernels rely on the codes that quantize writes. */
void lw_session_measure(lw_session *s, lw_turn *turn, const lw_request *request) {
    const lw_chunk chunk = {.count = (uint32_t)request->count, .logits = request->logits};
    lw_op_record product = s->model.ops[request->op];
    const lw_tensor_record *tensor = &s->model.tensors[product.tensor];
    for (uint32_t repetition = 0; repetition < request->repetitions; repetition++)
        for (uint32_t i = request->op; i < s->model.conf->ops; i++) {
            if (!multiplies_alike(&s->model, &s->model.ops[i], tensor))
                continue;
            product.tensor = s->model.ops[i].tensor;
            lw_run_shared(s, turn, &product, &chunk, 0);
            lw_finish_stage(turn);
        }
}

static double clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

lw_status lw_measure_product(lw_session *session, uint32_t tensor, uint32_t tokens,
                             uint32_t repetitions, float *logits, double *seconds) {
    if (!session || !seconds || tokens == 0 || repetitions == 0)
        return LW_ERR_ARGUMENT;
    const lw_model_view *model = &session->model;
    if (tensor >= model->conf->tensors || tokens > model->conf->chunk)
        return LW_ERR_ARGUMENT;
    uint32_t first = 0, products = 0;
    for (uint32_t i = model->conf->ops; i-- > 0;)
        if (multiplies_alike(model, &model->ops[i], &model->tensors[tensor])) {
            first = i;
            products++;
        }
    if (products == 0 || (model->ops[first].dst.offset == LW_LOGITS_OFFSET && !logits))
        return LW_ERR_ARGUMENT;
    memset(session->arena, 0, (size_t)model->conf->arena_bytes);
    const lw_request request = {
        .count = tokens, .logits = logits, .op = first, .repetitions = repetitions};
    const double begin = clock_seconds();
    lw_pool_run(&session->pool, &request, sizeof request);
    *seconds = (clock_seconds() - begin) / repetitions / products;
    return LW_OK;
}
