#include "session.h"

#include "layout.h"
#include "registry.h"
#include "schedule.h"
#include "signature.h"

/* Where the parts of a workspace lie, and what follows from the options. */
typedef struct {
    uint32_t context;
    uint32_t threads;
    uint32_t isa;
    uint32_t scores_stride;
    uint64_t gemm_bytes;
    uint64_t lut_bytes;
    lw_tentative_plan tentative;
    uint64_t workers_at;
    uint64_t arena_at;
    uint64_t kv_at;
    uint64_t kv_scales_at;
    uint64_t scores_at;
    uint64_t gemm_at;
    uint64_t lut_at;
    uint64_t own_at;
    uint64_t fused_at;
    uint64_t head_at;
    uint64_t bytes;
} workspace_plan;

/* Scratch that the model's matrix products need: bytes of unpacked weights and of lookup tables per
 * thread. */
static void size_matmul_scratch(const lw_model_view *model, uint64_t *gemm_bytes,
                                uint64_t *lut_bytes) {
    *gemm_bytes = 0;
    *lut_bytes = 0;
    for (uint32_t i = 0; i < model->conf->ops; i++) {
        if (model->ops[i].op != LW_OP_matmul)
            continue;
        const lw_tensor_record *tensor = &model->tensors[model->ops[i].tensor];
        const lw_layout *layout = lw_find_layout(tensor->layout);
        uint64_t gemm = lw_gemm_scratch_bytes((int32_t)tensor->cols);
        uint64_t lut = (uint64_t)lw_lut_tables(layout, tensor->cols) * layout->lut_bytes;
        *gemm_bytes = gemm > *gemm_bytes ? gemm : *gemm_bytes;
        *lut_bytes = lut > *lut_bytes ? lut : *lut_bytes;
    }
}

static uint64_t take(uint64_t *end, uint64_t bytes) {
    uint64_t begin = *end;
    *end = lw_round_up(begin + bytes, LW_ALIGN);
    return begin;
}

/* Nothing overflows: the KV cache, by far the largest part, is at most 2^62 bytes by the ranges of
 * CONF. */
static void place_parts(const lw_model_view *model, workspace_plan *plan) {
    const lw_conf_record *conf = model->conf;
    size_matmul_scratch(model, &plan->gemm_bytes, &plan->lut_bytes);
    plan->tentative = lw_plan_tentative(model, plan->threads);
    plan->scores_stride = (uint32_t)lw_round_up(plan->context, LW_LANES);
    uint64_t cache_rows = 2 * (uint64_t)conf->layers * conf->kv_heads * plan->context;
    uint64_t scores =
        (uint64_t)LW_ATTENTION_TOKENS * (conf->heads / conf->kv_heads) * plan->scores_stride;

    uint64_t end = 0;
    take(&end, sizeof(lw_session));
    plan->workers_at = take(&end, plan->threads * sizeof(lw_worker));
    plan->arena_at = take(&end, conf->arena_bytes);
    plan->kv_at = take(&end, cache_rows * conf->head_dim * lw_kv_element_bytes(conf));
    plan->kv_scales_at = take(&end, conf->kv_type == LW_KV_Q8 ? cache_rows * sizeof(float) : 0);
    plan->scores_at = take(&end, plan->threads * scores * sizeof(float));
    plan->gemm_at = take(&end, plan->threads * plan->gemm_bytes);
    plan->lut_at = take(&end, plan->threads * plan->lut_bytes);
    plan->own_at = take(&end, plan->threads * (uint64_t)plan->tentative.bytes);
    plan->fused_at = take(&end, conf->ops);
    plan->head_at = take(&end, lw_head_bytes(model));
    plan->bytes = end;
}

static lw_status plan_workspace(const lw_model_view *model, const lw_session_options *options,
                                workspace_plan *plan) {
    if (options->context > model->conf->max_context || options->threads > LW_MAX_THREADS ||
        options->isa_limit > LW_ISA_COUNT || options->pin > 1)
        return LW_ERR_ARGUMENT;
    plan->context = options->context ? options->context : model->conf->max_context;
    plan->threads = options->threads ? options->threads : 1;
    plan->isa = lw_cpu_isa();
    if (options->isa_limit > 0 && lw_isa_includes(plan->isa, options->isa_limit - 1))
        plan->isa = options->isa_limit - 1;
    place_parts(model, plan);
    return (size_t)plan->bytes == plan->bytes ? LW_OK : LW_ERR_ARGUMENT;
}

lw_status lw_session_bytes(const lw_model *model, const lw_session_options *options,
                           size_t *bytes) {
    if (!model || !options || !bytes)
        return LW_ERR_ARGUMENT;
    const lw_model_view view = lw_view_model(model);
    workspace_plan plan;
    lw_status status = plan_workspace(&view, options, &plan);
    if (status == LW_OK)
        *bytes = (size_t)plan.bytes;
    return status;
}

lw_status lw_session_start(const lw_model *model, const lw_session_options *options,
                           void *workspace, size_t bytes, lw_session **session) {
    if (!model || !options || !workspace || !session)
        return LW_ERR_ARGUMENT;
    const lw_model_view view = lw_view_model(model);
    workspace_plan plan;
    lw_status status = plan_workspace(&view, options, &plan);
    if (status != LW_OK)
        return status;
    if (!lw_isa_includes(lw_cpu_isa(), view.conf->isa))
        return LW_ERR_ISA;
    if ((uintptr_t)workspace % LW_ALIGN != 0 || bytes < plan.bytes)
        return LW_ERR_WORKSPACE;

    uint8_t *base = workspace;
    lw_session *s = workspace;
    memset(s, 0, sizeof *s);
    s->model = view;
    s->isa = plan.isa;
    s->context = plan.context;
    s->arena = base + plan.arena_at;
    s->kv = base + plan.kv_at;
    s->kv_scales = (float *)(void *)(base + plan.kv_scales_at);
    s->scores = (float *)(void *)(base + plan.scores_at);
    s->gemm = base + plan.gemm_at;
    s->lut = base + plan.lut_at;
    s->own = base + plan.own_at;
    s->fused = base + plan.fused_at;
    s->scores_stride = plan.scores_stride;
    s->gemm_bytes = (size_t)plan.gemm_bytes;
    s->lut_bytes = (size_t)plan.lut_bytes;
    s->tentative = plan.tentative;
    lw_head_start(&s->head, &s->model, base + plan.head_at);
    lw_kernels_select(s->isa, &s->kernels);
    lw_schedule(&s->model, s->fused);
    /* A plan that reads what it never wrote gets zeros, not what the caller's memory held before.
     */
    memset(s->arena, 0, (size_t)view.conf->arena_bytes);
    lw_worker *workers = (lw_worker *)(void *)(base + plan.workers_at);
    if (!lw_pool_start(&s->pool, workers, plan.threads, options->pin != 0, lw_session_evaluate, s))
        return LW_ERR_THREAD;
    *session = s;
    return LW_OK;
}

void lw_session_stop(lw_session *session) {
    lw_pool_stop(&session->pool);
}

uint32_t lw_session_length(const lw_session *session) {
    return session->length;
}

void lw_session_truncate(lw_session *session, uint32_t length) {
    if (length < session->length)
        session->length = length;
}

uint32_t lw_session_isa(const lw_session *session) {
    return session->isa;
}

void lw_session_head_stats(const lw_session *session, lw_head_stats *stats) {
    *stats = session->head.stats;
}
