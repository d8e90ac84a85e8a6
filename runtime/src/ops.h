/* Operations of a plan, on the tokens of one chunk. */
#ifndef LW_OPS_H
#define LW_OPS_H

#include "session.h"

/* Tokens that are evaluated together. */
typedef struct {
    const uint32_t *tokens;
    uint32_t count;        /* 1 .. conf->chunk */
    uint32_t first_wanted; /* logits are wanted from this token on; count: of none */
    uint32_t position;     /* of token 0 in the context */
    float *logits;         /* [count - first_wanted][vocab] */
    bool two_stages;       /* only the greatest logits of one token are wanted, see head.h */
} lw_chunk;

/* The codes, sums and scales of a q8 operand, from token t on. */
lw_q8 lw_quantized_at(const lw_session *s, const lw_operand *operand, uint32_t t);

/* The least items of a share of a product's row tiles: the compiler states it for one token. */
uint32_t lw_grain(const lw_op_record *op, uint32_t tokens);

/* Run a token-wise operation for token `t` of the chunk; by one thread. */
void lw_run_token(lw_session *s, const lw_op_record *op, const lw_chunk *chunk, uint32_t t);

/* The thread's memory for tentative shares is ready: lw_tentative_ready. */
bool lw_ready(const lw_session *s, lw_turn *turn, lw_tentative *t);

/* Run any other operation for the tokens [begin, chunk->count), begin < count; by all threads,
 * which share its items. The caller finishes the stage, and runs the operation again for as long as
 * lw_finish_stage returns false. */
void lw_run_shared(lw_session *s, lw_turn *turn, const lw_op_record *op, const lw_chunk *chunk,
                   uint32_t begin);

/* The product that gives the logits of the chunk's only wanted token, in two stages, after
 * lw_head_prepare; by all threads. The caller finishes the last stage. */
void lw_run_head(lw_session *s, lw_turn *turn, const lw_op_record *op, const lw_chunk *chunk);

/* The first of these stages alone: the estimates of all logits. Finishes all that it begins. */
void lw_run_estimates(lw_session *s, lw_turn *turn, const lw_op_record *op, const lw_chunk *chunk);

#endif
