/* Which kernel runs: a pure function of the instruction set. */
#ifndef LW_REGISTRY_H
#define LW_REGISTRY_H

#include "kernel.h"

/* Fill *kernels for an LW_ISA_* of lutwerk.h: the scalar kernels, overridden by those of each
 * instruction set of this build that `isa` includes. Afterwards lut[layout] is not NULL exactly
 * where gemv[layout] needs tables; slots of layouts that have no kernels (rows: see gemv_f16 and
 * gemv_f32) are NULL. The caller answers for the processor having `isa`. */
void lw_kernels_select(uint32_t isa, lw_kernels *kernels);

#endif
