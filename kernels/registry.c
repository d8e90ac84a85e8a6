#include "registry.h"

#include "kernels.h"
#include "lutwerk/lutwerk.h"

#include <stdbool.h>
#include <string.h>

enum {
#define LW_LAYOUT(id, name, tile_rows, tile_cols, lut_cols, lut_bytes) LAYOUT_##name = id,
#include "lutwerk/layouts.def"
#undef LW_LAYOUT
};

enum { METHOD_mul, METHOD_lut };

/* The newest table builder of each layout, kept apart from lw_kernels.lut until it is known whether
 * the newest gemv reads tables: an instruction set may bring either of the two alone. */
typedef struct {
    lw_lut_fn *builder[LW_LAYOUT_SLOTS];
    bool used[LW_LAYOUT_SLOTS];
} lut_choice;

#define LW_GEMV(layout, method, isa)                                                               \
    k->gemv[LAYOUT_##layout] = lw_gemv_##layout##_##method##_##isa;                                \
    lut->used[LAYOUT_##layout] = METHOD_##method == METHOD_lut;
#define LW_LUT(layout, isa) lut->builder[LAYOUT_##layout] = lw_lut_##layout##_##isa;
#define LW_GEMM(layout, method, tokens, isa)                                                       \
    k->gemm[LAYOUT_##layout] = lw_gemm_##layout##_##method##_##isa;                                \
    k->gemm_tokens[LAYOUT_##layout] = tokens;
#define LW_GATHER(layout, isa) k->gather[LAYOUT_##layout] = lw_gather_##layout##_##isa;
#define LW_VECTOR(slot, type, isa) k->slot = lw_##slot##_##isa;

static void apply_scalar(lw_kernels *k, lut_choice *lut) {
#include "scalar/kernels.def"
}

#ifdef LW_HAVE_AVX2
static void apply_avx2(lw_kernels *k, lut_choice *lut) {
#include "x86_avx2/kernels.def"
}
#endif

#ifdef LW_HAVE_AVX512
static void apply_avx512(lw_kernels *k, lut_choice *lut) {
#include "x86_avx512/kernels.def"
}
#endif

#ifdef LW_HAVE_NEON
static void apply_neon(lw_kernels *k, lut_choice *lut) {
#include "arm_neon/kernels.def"
}
#endif

#ifdef LW_HAVE_DOTPROD
static void apply_dotprod(lw_kernels *k, lut_choice *lut) {
#include "arm_dotprod/kernels.def"
}
#endif

#ifdef LW_HAVE_I8MM
static void apply_i8mm(lw_kernels *k, lut_choice *lut) {
    (void)lut;
#include "arm_i8mm/kernels.def"
}
#endif

void lw_kernels_select(uint32_t isa, lw_kernels *kernels) {
    lut_choice lut;
    memset(kernels, 0, sizeof *kernels);
    memset(&lut, 0, sizeof lut);
    apply_scalar(kernels, &lut);
#ifdef LW_HAVE_AVX2
    if (lw_isa_includes(isa, LW_ISA_avx2)) {
        apply_avx2(kernels, &lut);
    }
#endif
#ifdef LW_HAVE_AVX512
    if (lw_isa_includes(isa, LW_ISA_avx512)) {
        apply_avx512(kernels, &lut);
    }
#endif
#ifdef LW_HAVE_NEON
    if (lw_isa_includes(isa, LW_ISA_neon)) {
        apply_neon(kernels, &lut);
    }
#endif
#ifdef LW_HAVE_DOTPROD
    if (lw_isa_includes(isa, LW_ISA_dotprod)) {
        apply_dotprod(kernels, &lut);
    }
#endif
#ifdef LW_HAVE_I8MM
    if (lw_isa_includes(isa, LW_ISA_i8mm)) {
        apply_i8mm(kernels, &lut);
    }
#endif
#if !defined(LW_HAVE_AVX2) && !defined(LW_HAVE_NEON)
    (void)isa;
#endif
    for (int layout = 0; layout < LW_LAYOUT_SLOTS; layout++) {
        kernels->lut[layout] = lut.used[layout] ? lut.builder[layout] : NULL;
    }
}
