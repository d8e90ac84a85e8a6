/* What operands each operation of ops.def has, and how operands lie in the arena (FORMAT.md,
 * "PLAN", "Operations"). */
#ifndef LW_SIGNATURE_H
#define LW_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "records.h"

enum {
#define LW_OP(id, name) LW_OP_##name = id,
#include "lutwerk/ops.def"
#undef LW_OP
};

typedef enum { LW_OPERAND_NONE, LW_OPERAND_F32, LW_OPERAND_Q8 } lw_operand_kind;

typedef struct {
    lw_operand_kind dst;
    lw_operand_kind src[2];
    bool known;     /* false for ids that ops.def does not have */
    bool tensor;    /* has a tensor */
    bool layer;     /* has a layer */
    bool param;     /* has a parameter */
    bool alias;     /* dst may equal a source exactly */
    bool tokenwise; /* one token's result needs only that token's operands, and is too small to
                       share out */
} lw_signature;

/* The signature of an operation id; known is false when there is none. */
const lw_signature *lw_find_signature(uint32_t op);

/* Bytes of a q8 operand of `chunk` tokens and `width` columns. */
uint64_t lw_q8_operand_bytes(uint32_t width, uint32_t chunk);

/* Whether an operand of `chunk` tokens is well-formed and lies in an arena of `arena_bytes`; not
 * for logits. */
bool lw_operand_fits(const lw_operand *operand, lw_operand_kind kind, uint32_t chunk,
                     uint64_t arena_bytes);

bool lw_operand_equal(const lw_operand *a, const lw_operand *b);

/* Whether no element of a is an element of b, for `chunk` tokens. May say false for exotic strides.
 * Both must fit. */
bool lw_operand_disjoint(const lw_operand *a, lw_operand_kind a_kind, const lw_operand *b,
                         lw_operand_kind b_kind, uint32_t chunk);

/* Whether the elements of different tokens are disjoint: token t of a and token u of b for all t !=
 * u. */
bool lw_operand_same_rows(const lw_operand *a, lw_operand_kind a_kind, const lw_operand *b,
                          lw_operand_kind b_kind);

#endif
