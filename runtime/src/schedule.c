#include "schedule.h"

#include "signature.h"

enum {
    MAX_CHAIN = 16, /* bounds the comparisons of a hostile plan; a transformer's chains have up to
                       five operations */
    MAX_OPERANDS = 3,
};

typedef struct {
    const lw_operand *operand;
    lw_operand_kind kind;
    bool written;
} operand_use;

static void list_uses(const lw_op_record *op, operand_use uses[MAX_OPERANDS]) {
    const lw_signature *signature = lw_find_signature(op->op);
    uses[0] = (operand_use){&op->dst, signature->dst, true};
    uses[1] = (operand_use){&op->src[0], signature->src[0], false};
    uses[2] = (operand_use){&op->src[1], signature->src[1], false};
}

/* Whether token t of one operation may run before token u of the other, in either order, for all t
 * != u. Memory that the plan reuses with another stride is what forbids it. */
static bool tokens_independent(const lw_op_record *a, const lw_op_record *b, uint32_t chunk) {
    operand_use a_uses[MAX_OPERANDS], b_uses[MAX_OPERANDS];
    list_uses(a, a_uses);
    list_uses(b, b_uses);
    for (int i = 0; i < MAX_OPERANDS; i++)
        for (int j = 0; j < MAX_OPERANDS; j++) {
            const operand_use *x = &a_uses[i], *y = &b_uses[j];
            if ((x->written || y->written) &&
                !lw_operand_disjoint(x->operand, x->kind, y->operand, y->kind, chunk) &&
                !lw_operand_same_rows(x->operand, x->kind, y->operand, y->kind))
                return false;
        }
    return true;
}

static bool is_tokenwise(const lw_model_view *model, uint32_t index) {
    return lw_find_signature(model->ops[index].op)->tokenwise;
}

static bool tokens_independent_of_chain(const lw_model_view *model, uint32_t begin,
                                        uint32_t index) {
    if (index - begin >= MAX_CHAIN)
        return false;
    for (uint32_t i = begin; i < index; i++)
        if (!tokens_independent(&model->ops[i], &model->ops[index], model->conf->chunk))
            return false;
    return true;
}

void lw_schedule(const lw_model_view *model, uint8_t *fused) {
    uint32_t begin = 0;
    for (uint32_t i = 0; i < model->conf->ops; i++) {
        fused[i] = LW_FUSED_NEVER;
        /* The head covers other tokens than the operations before it. */
        if (i > 0 && i != model->conf->head_begin && is_tokenwise(model, i - 1) &&
            is_tokenwise(model, i))
            fused[i] =
                tokens_independent_of_chain(model, begin, i) ? LW_FUSED_ALWAYS : LW_FUSED_ONE_TOKEN;
        if (fused[i] != LW_FUSED_ALWAYS)
            begin = i;
    }
}
