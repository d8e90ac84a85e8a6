/* Prototypes of every kernel in this build, from the kernels.def tables. Callers use registry.h;
 * tests walk the rows. */
#ifndef LW_KERNELS_H
#define LW_KERNELS_H

#include "kernel.h"

#define LW_GEMV(layout, method, isa) lw_gemv_fn lw_gemv_##layout##_##method##_##isa;
#define LW_LUT(layout, isa) lw_lut_fn lw_lut_##layout##_##isa;
#define LW_GEMM(layout, method, tokens, isa) lw_gemm_fn lw_gemm_##layout##_##method##_##isa;
#define LW_GATHER(layout, isa) lw_gather_fn lw_gather_##layout##_##isa;
#define LW_VECTOR(slot, type, isa) lw_##type##_fn lw_##slot##_##isa;

#include "scalar/kernels.def"
#ifdef LW_HAVE_AVX2
#include "x86_avx2/kernels.def"
#endif
#ifdef LW_HAVE_AVX512
#include "x86_avx512/kernels.def"
#endif
#ifdef LW_HAVE_NEON
#include "arm_neon/kernels.def"
#endif
#ifdef LW_HAVE_DOTPROD
#include "arm_dotprod/kernels.def"
#endif
#ifdef LW_HAVE_I8MM
#include "arm_i8mm/kernels.def"
#endif

#undef LW_GEMV
#undef LW_LUT
#undef LW_GEMM
#undef LW_GATHER
#undef LW_VECTOR

#endif
