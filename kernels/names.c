#include "registry.h"

#include <stddef.h>

#include "lutwerk/lutwerk.h"

enum {
#define LW_LAYOUT(id, name, tile_rows, tile_cols, lut_cols, lut_bytes) LAYOUT_##name = id,
#include "lutwerk/layouts.def"
#undef LW_LAYOUT
};

typedef struct {
    const char *name;
    uint32_t isa;
    uint32_t layout;
    uint32_t tokens;
} named_row;

#define LW_GEMV(layout, method, isa)                                                               \
    {"gemv_" #layout "_" #method "_" #isa, LW_ISA_##isa, LAYOUT_##layout, 1},
#define LW_LUT(layout, isa)
#define LW_GEMM(layout, method, tokens, isa)                                                       \
    {"gemm_" #layout "_" #method "_" #isa, LW_ISA_##isa, LAYOUT_##layout, tokens},
#define LW_GATHER(layout, isa)
#define LW_VECTOR(slot, type, isa)

/* Names need no code, so every instruction set is here, whatever this build is for. */
static const named_row named_rows[] = {
#include "scalar/kernels.def"
#include "x86_avx2/kernels.def"
#include "x86_avx512/kernels.def"
#include "arm_neon/kernels.def"
#include "arm_dotprod/kernels.def"
#include "arm_i8mm/kernels.def"
};

const char *lw_kernels_name(uint32_t isa, uint32_t layout, uint32_t tokens) {
    const named_row *gemv = NULL, *gemm = NULL;
    for (size_t i = 0; i < sizeof named_rows / sizeof *named_rows; i++) {
        const named_row *row = &named_rows[i];
        if (row->layout == layout && lw_isa_includes(isa, row->isa)) {
            *(row->tokens == 1 ? &gemv : &gemm) = row;
        }
    }
    const named_row *runs = gemm != NULL && tokens >= gemm->tokens ? gemm : gemv;
    return runs != NULL ? runs->name : NULL;
}
