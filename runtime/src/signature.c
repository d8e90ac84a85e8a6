#include "signature.h"

#include "kernel.h"

/* Widest operand. Tensors are no larger, and kernels count columns in int32. */
#define MAX_WIDTH (UINT32_C(1) << 24)

#define NONE LW_OPERAND_NONE
#define F32 LW_OPERAND_F32
#define Q8 LW_OPERAND_Q8

/* clang-format off */
static const lw_signature signatures[] = {
    /*                    dst    src0  src1   known tensor layer  param  alias tokenwise */
    [LW_OP_embed]        = {F32,  {NONE, NONE}, true, true,  false, false, false, true},
    [LW_OP_rmsnorm]      = {F32,  {F32,  NONE}, true, true,  false, true,  true,  true},
    [LW_OP_quantize]     = {Q8,   {F32,  NONE}, true, false, false, false, false, true},
    [LW_OP_matmul]       = {F32,  {Q8,   NONE}, true, true,  false, false, false, false},
    [LW_OP_matmul_float] = {F32,  {F32,  NONE}, true, true,  false, false, false, false},
    [LW_OP_rope]         = {F32,  {NONE, NONE}, true, true,  false, false, false, true},
    [LW_OP_kv_store]     = {NONE, {F32,  F32},  true, false, true,  false, false, true},
    [LW_OP_attention]    = {F32,  {F32,  NONE}, true, false, true,  true,  false, false},
    [LW_OP_add]          = {F32,  {F32,  F32},  true, false, false, false, true,  true},
    [LW_OP_relu2_mul]    = {F32,  {F32,  F32},  true, false, false, false, true,  true},
    [LW_OP_silu_mul]     = {F32,  {F32,  F32},  true, false, false, false, true,  true},
};
/* clang-format on */

static const lw_signature unknown = {0};

const lw_signature *lw_find_signature(uint32_t op) {
    return op < sizeof signatures / sizeof *signatures ? &signatures[op] : &unknown;
}

uint64_t lw_q8_operand_bytes(uint32_t width, uint32_t chunk) {
    uint64_t codes = (uint64_t)chunk * (uint32_t)lw_q8_stride((int32_t)width);
    uint64_t sums = codes / LW_SUM_COLS * sizeof(int32_t);
    return lw_round_up(codes + sums + chunk * sizeof(float), LW_ALIGN);
}

/* Bytes from the first element of the first token to the end of the last element of the last. */
static uint64_t extent(const lw_operand *operand, lw_operand_kind kind, uint32_t chunk) {
    if (kind == Q8)
        return lw_q8_operand_bytes(operand->width, chunk);
    return ((uint64_t)(chunk - 1) * operand->stride + operand->width) * sizeof(float);
}

bool lw_operand_fits(const lw_operand *operand, lw_operand_kind kind, uint32_t chunk,
                     uint64_t arena_bytes) {
    if (kind == NONE)
        return operand->offset == 0 && operand->stride == 0 && operand->width == 0;
    if (operand->width == 0 || operand->width > MAX_WIDTH || operand->offset > arena_bytes)
        return false;
    if (kind == Q8) {
        if (operand->offset % LW_ALIGN != 0 ||
            operand->stride != (uint32_t)lw_q8_stride((int32_t)operand->width))
            return false;
    } else if (operand->offset % sizeof(float) != 0 || operand->stride < operand->width) {
        return false;
    }
    return extent(operand, kind, chunk) <= arena_bytes - operand->offset;
}

bool lw_operand_equal(const lw_operand *a, const lw_operand *b) {
    return a->offset == b->offset && a->stride == b->stride && a->width == b->width;
}

static bool in_arena(const lw_operand *operand, lw_operand_kind kind) {
    return kind != NONE && operand->offset != LW_LOGITS_OFFSET;
}

bool lw_operand_disjoint(const lw_operand *a, lw_operand_kind a_kind, const lw_operand *b,
                         lw_operand_kind b_kind, uint32_t chunk) {
    if (!in_arena(a, a_kind) || !in_arena(b, b_kind))
        return true;
    if (a->offset + extent(a, a_kind, chunk) <= b->offset ||
        b->offset + extent(b, b_kind, chunk) <= a->offset)
        return true;
    if (a_kind != F32 || b_kind != F32 || a->stride != b->stride)
        return false;
    /* Both are column ranges of rows of `stride` elements: shift a's to start at column 0. */
    uint64_t stride = a->stride;
    uint64_t b_column =
        (b->offset / sizeof(float) % stride + stride - a->offset / sizeof(float) % stride) % stride;
    return b_column >= a->width && b_column + b->width <= stride;
}

bool lw_operand_same_rows(const lw_operand *a, lw_operand_kind a_kind, const lw_operand *b,
                          lw_operand_kind b_kind) {
    if (!in_arena(a, a_kind) || !in_arena(b, b_kind))
        return true;
    if (a_kind != b_kind || a->stride != b->stride)
        return false;
    if (a_kind == Q8)
        return lw_operand_equal(a, b);
    const lw_operand *low = a->offset <= b->offset ? a : b;
    const lw_operand *high = low == a ? b : a;
    uint64_t high_end = high->offset - low->offset + (uint64_t)high->width * sizeof(float);
    return high_end <= (uint64_t)low->stride * sizeof(float);
}
