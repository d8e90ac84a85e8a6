/* A session: a model, its workspace and its threads. */
#ifndef LW_SESSION_H
#define LW_SESSION_H

#include "head.h"
#include "tentative.h"

/* What lw_eval, lw_eval_top or lw_measure_product was called with, as each thread copies it. */
typedef struct {
    const uint32_t *tokens;
    size_t count;
    float *logits; /* [rows][vocab], of the last `rows` tokens */
    size_t rows;
    uint32_t position;    /* of the first token in the context */
    uint32_t op;          /* the first of the products to measure */
    uint32_t repetitions; /* of these products; 0: evaluate the whole plan */
    bool two_stages;      /* see lw_chunk */
    bool estimates;       /* to measure: the first of these stages alone */
} lw_request;

_Static_assert(sizeof(lw_request) <= LW_MAX_JOB_BYTES, "a request must fit into a job");

struct lw_session {
    lw_model_view model;
    lw_kernels kernels;
    uint32_t isa;
    uint32_t context; /* positions in the KV cache */
    uint32_t length;  /* positions in use */
    uint8_t *arena;   /* activations, see FORMAT.md, "PLAN" */
    uint8_t *kv;      /* float16 or int8 [layer][key, value][kv_head][context][head_dim] */
    float *kv_scales; /* int8 only: [layer][key, value][kv_head][context] */
    float *scores;    /* [thread][token][query of a kv_head][scores_stride], for attention */
    uint8_t *gemm;    /* [thread][gemm_bytes], unpacked weights */
    uint8_t *lut;     /* [thread][lut_bytes], lookup tables of one token */
    uint8_t *own;     /* [thread][tentative.bytes] */
    uint8_t *fused;   /* [ops], see schedule.h */
    uint32_t scores_stride;
    size_t gemm_bytes;
    size_t lut_bytes;
    lw_tentative_plan tentative;
    lw_head head;
    lw_laps laps; /* of thread 0 */
    lw_pool pool;
};

/* Carry out an lw_request; run by all threads. */
void lw_session_evaluate(void *session, lw_turn *turn, const void *request);

/* The request of lw_measure_product; run by all threads. */
void lw_session_measure(lw_session *s, lw_turn *turn, const lw_request *request);

#endif
