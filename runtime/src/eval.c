#include "ops.h"
#include "signature.h"

/* Run the plan on one chunk. A stage, a chain of token-wise operations or one other operation, ends
 * with a barrier. */
static void run_plan(lw_session *s, uint32_t thread, const lw_chunk *chunk) {
    const lw_conf_record *conf = s->model.conf;
    for (uint32_t op = 0; op < conf->ops;) {
        const uint32_t first = op < conf->head_begin ? 0 : chunk->first_wanted;
        if (first == chunk->count)
            return;
        uint32_t end = op + 1;
        while (end < conf->ops && s->fused[end])
            end++;
        if (lw_find_signature(s->model.ops[op].op)->tokenwise) {
            uint32_t item;
            while (lw_pool_take_one(&s->pool, chunk->count - first, &item))
                for (uint32_t i = op; i < end; i++)
                    lw_run_token(s, &s->model.ops[i], chunk, first + item);
        } else {
            lw_run_shared(s, thread, &s->model.ops[op], chunk, first);
        }
        lw_pool_barrier(&s->pool);
        op = end;
    }
}

void lw_session_evaluate(void *session, uint32_t thread) {
    lw_session *s = session;
    const lw_conf_record *conf = s->model.conf;
    const lw_request *request = &s->request;
    const size_t first_wanted = request->count - request->rows;
    for (size_t done = 0; done < request->count;) {
        const size_t left = request->count - done;
        const size_t count = left < conf->chunk ? left : conf->chunk;
        const size_t wanted = first_wanted > done ? first_wanted - done : 0;
        const lw_chunk chunk = {
            .tokens = request->tokens + done,
            .count = (uint32_t)count,
            .first_wanted = (uint32_t)(wanted < count ? wanted : count),
            .position = s->length + (uint32_t)done,
            .logits = wanted < count
                          ? request->logits + (done + wanted - first_wanted) * conf->vocab
                          : NULL,
        };
        run_plan(s, thread, &chunk);
        done += count;
    }
}

lw_status lw_eval(lw_session *session, const uint32_t *tokens, size_t count, float *logits,
                  size_t rows) {
    if (!session || !tokens || count == 0 || rows > count || (rows > 0) != (logits != NULL))
        return LW_ERR_ARGUMENT;
    for (size_t i = 0; i < count; i++)
        if (tokens[i] >= session->model.conf->vocab)
            return LW_ERR_TOKEN;
    if (count > session->context - session->length)
        return LW_ERR_CONTEXT;
    session->request = (lw_request){tokens, count, logits, rows};
    lw_pool_run(&session->pool);
    session->length += (uint32_t)count;
    return LW_OK;
}
