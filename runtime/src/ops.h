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
} lw_chunk;

/* Run a token-wise operation for token `t` of the chunk; by one thread. */
void lw_run_token(lw_session *s, const lw_op_record *op, const lw_chunk *chunk, uint32_t t);

/* Run any other operation for the tokens [begin, chunk->count), begin < count; by all threads,
 * which share its items. The caller finishes the last of its stages. */
void lw_run_shared(lw_session *s, lw_turn *turn, const lw_op_record *op, const lw_chunk *chunk,
                   uint32_t begin);

#endif
