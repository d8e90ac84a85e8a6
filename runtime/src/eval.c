#include "ops.h"
#include "schedule.h"
#include "signature.h"

/* Run the plan on one chunk: chains of token-wise operations, and other operations one by one. */
static void run_plan(lw_session *s, lw_turn *turn, const lw_chunk *chunk) {
    const lw_conf_record *conf = s->model.conf;
    for (uint32_t op = 0; op < conf->ops;) {
        const uint32_t first = op < conf->head_begin ? 0 : chunk->first_wanted;
        if (first == chunk->count)
            return;
        const uint32_t tokens = chunk->count - first;
        const uint8_t fused = tokens == 1 ? LW_FUSED_ONE_TOKEN : LW_FUSED_ALWAYS;
        uint32_t end = op + 1;
        while (end < conf->ops && s->fused[end] >= fused)
            end++;
        if (lw_find_signature(s->model.ops[op].op)->tokenwise) {
            uint32_t item;
            while (lw_take_one(turn, tokens, &item))
                for (uint32_t i = op; i < end; i++) {
                    lw_run_token(s, &s->model.ops[i], chunk, first + item);
                    lw_lap(turn->laps, s->model.ops[i].op);
                }
        } else if (chunk->two_stages && end == conf->ops) {
            lw_run_head(s, turn, &s->model.ops[op], chunk);
            lw_lap(turn->laps, s->model.ops[op].op);
        } else {
            lw_run_shared(s, turn, &s->model.ops[op], chunk, first);
            lw_lap(turn->laps, s->model.ops[op].op);
        }
        while (!lw_finish_stage(turn)) /* another thread is late with an operation of one token */
            lw_run_shared(s, turn, &s->model.ops[op], chunk, first);
        op = end;
    }
}

void lw_session_evaluate(void *session, lw_turn *turn, const void *job) {
    lw_session *s = session;
    const lw_conf_record *conf = s->model.conf;
    const lw_request *request = job;
    if (request->repetitions > 0) {
        lw_session_measure(s, turn, request);
        return;
    }
    if (turn->thread == 0 && s->laps.profile) {
        turn->laps = &s->laps;
        if (s->pool.threads > 1)
            lw_lap(turn->laps, LW_PROFILE_WAITING); /* to wake the others */
    }
    const size_t first_wanted = request->count - request->rows;
    for (size_t done = 0; done < request->count;) {
        const size_t left = request->count - done;
        const size_t count = left < conf->chunk ? left : conf->chunk;
        const size_t wanted = first_wanted > done ? first_wanted - done : 0;
        const lw_chunk chunk = {
            .tokens = request->tokens + done,
            .count = (uint32_t)count,
            .first_wanted = (uint32_t)(wanted < count ? wanted : count),
            .position = request->position + (uint32_t)done,
            .logits = wanted < count
                          ? request->logits + (done + wanted - first_wanted) * conf->vocab
                          : NULL,
            .two_stages = request->two_stages,
        };
        run_plan(s, turn, &chunk);
        done += count;
    }
}

static lw_status check_tokens(const lw_session *session, const uint32_t *tokens, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (tokens[i] >= session->model.conf->vocab)
            return LW_ERR_TOKEN;
    return count > session->context - session->length ? LW_ERR_CONTEXT : LW_OK;
}

static void evaluate(lw_session *session, const lw_request *request) {
    if (session->laps.profile)
        session->laps.began = lw_clock_ns();
    lw_pool_run(&session->pool, request, sizeof *request);
    session->length += (uint32_t)request->count;
}

lw_status lw_eval(lw_session *session, const uint32_t *tokens, size_t count, float *logits,
                  size_t rows) {
    if (!session || !tokens || count == 0 || rows > count || (rows > 0) != (logits != NULL))
        return LW_ERR_ARGUMENT;
    const lw_status status = check_tokens(session, tokens, count);
    if (status != LW_OK)
        return status;
    const lw_request request = {.tokens = tokens,
                                .count = count,
                                .logits = logits,
                                .rows = rows,
                                .position = session->length};
    evaluate(session, &request);
    return LW_OK;
}

lw_status lw_eval_top(lw_session *session, const uint32_t *tokens, size_t count, uint32_t top,
                      float *logits) {
    if (!session || !tokens || count == 0 || !logits)
        return LW_ERR_ARGUMENT;
    const lw_status status = check_tokens(session, tokens, count);
    if (status != LW_OK)
        return status;
    const lw_request request = {.tokens = tokens,
                                .count = count,
                                .logits = logits,
                                .rows = 1,
                                .position = session->length,
                                .two_stages = lw_head_prepare(&session->head, top)};
    evaluate(session, &request);
    lw_head_count(&session->head, request.two_stages);
    return LW_OK;
}
