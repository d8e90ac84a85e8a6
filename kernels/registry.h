/* Which kernel runs: a pure function of the instruction set. */
#ifndef LW_REGISTRY_H
#define LW_REGISTRY_H

#include "kernel.h"

/* Fill *kernels for an LW_ISA_* of lutwerk.h: the scalar kernels, overridden by those of each
 * instruction set of this build that `isa` includes. Afterwards lut[layout] is not NULL exactly
 * where gemv[layout] needs tables; slots of layouts that have no kernels (rows: see gemv_f16 and
 * gemv_f32) are NULL. The caller answers for the processor having `isa`. */
void lw_kernels_select(uint32_t isa, lw_kernels *kernels);

/* Name of the matrix kernel that a processor with `isa` runs for so many tokens (at least 1) and a
 * layout, whether or not this build has it; NULL for layouts that have no kernels. */
const char *lw_kernels_name(uint32_t isa, uint32_t layout, uint32_t tokens);

#endif
