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
            if (request->estimates) {
                lw_run_estimates(s, turn, &product, &chunk);
            } else if (request->two_stages) {
                lw_run_head(s, turn, &product, &chunk);
                lw_finish_stage(turn);
            } else {
                do
                    lw_run_shared(s, turn, &product, &chunk, 0);
                while (!lw_finish_stage(turn));
            }
        }
}

/* Activations of one token that spread the logits as a model's do: of zeros, all rows are equal. */
static void fill_activations(lw_session *s, const lw_op_record *op) {
    const lw_q8 x = lw_quantized_at(s, &op->src[0], 0);
    int8_t *codes = (int8_t *)(uintptr_t)x.codes;
    int32_t *sums = (int32_t *)(uintptr_t)x.sums;
    uint32_t random = 1;
    for (uint32_t k = 0; k < op->src[0].width; k++) {
        random = random * 1664525u + 1013904223u; /* Numerical Recipes, section 7.1 */
        codes[k] = (int8_t)((int32_t)(random >> 24) % 255 - 127);
        sums[k / LW_SUM_COLS] += codes[k];
    }
    *(float *)(uintptr_t)x.scales = 1.0f;
}

/* One thread's time is that of the processor: what other programs take does not count. */
static double clock_seconds(const lw_session *session) {
    struct timespec now;
    clock_gettime(session->pool.threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Seconds of one repetition. */
static double run_timed(lw_session *session, const lw_request *request) {
    const double begin = clock_seconds(session);
    lw_pool_run(&session->pool, request, sizeof *request);
    return (clock_seconds(session) - begin) / request->repetitions;
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
    *seconds = run_timed(session, &request) / products;
    return LW_OK;
}

lw_status lw_measure_head(lw_session *session, uint32_t top, int estimates, uint32_t repetitions,
                          float *logits, double *seconds) {
    if (!session || !logits || !seconds || repetitions == 0 ||
        !lw_head_prepare(&session->head, top))
        return LW_ERR_ARGUMENT;
    const lw_conf_record *conf = session->model.conf;
    memset(session->arena, 0, (size_t)conf->arena_bytes);
    fill_activations(session, &session->model.ops[conf->ops - 1]);
    const lw_request request = {.count = 1,
                                .logits = logits,
                                .op = conf->ops - 1,
                                .repetitions = repetitions,
                                .two_stages = true,
                                .estimates = estimates != 0};
    *seconds = run_timed(session, &request);
    return LW_OK;
}
