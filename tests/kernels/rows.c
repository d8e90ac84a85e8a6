#include "rows.h"

#include <stddef.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "lutwerk/lutwerk.h"

enum { method_mul = false, method_lut = true };

#define ANY(fn) ((any_fn *)(fn))

const layout_row layout_rows[] = {
#define LW_LAYOUT(id, name, tile_rows, tile_cols, lut_cols, lut_bytes)                             \
    {id, #name, tile_rows, tile_cols, lut_cols, lut_bytes},
#include "lutwerk/layouts.def"
#undef LW_LAYOUT
    {0, NULL, 0, 0, 0, 0}};

const matrix_row gemv_rows[] = {
#define LW_GEMV(layout, method, isa)                                                               \
    {"gemv_" #layout "_" #method "_" #isa,                                                         \
     LAYOUT_##layout,                                                                              \
     method_##method,                                                                              \
     LW_ISA_##isa,                                                                                 \
     ANY(lw_gemv_##layout##_##method##_##isa),                                                     \
     0},
#define LW_LUT(layout, isa)
#define LW_GEMM(layout, method, tokens, isa)
#define LW_GATHER(layout, isa)
#define LW_VECTOR(slot, type, isa)
#include "every_kernel.def"
    {NULL, 0, false, 0, NULL, 0}};

const matrix_row lut_rows[] = {
#define LW_GEMV(layout, method, isa)
#define LW_LUT(layout, isa)                                                                        \
    {"lut_" #layout "_" #isa, LAYOUT_##layout, true, LW_ISA_##isa, ANY(lw_lut_##layout##_##isa), 0},
#define LW_GEMM(layout, method, tokens, isa)
#define LW_GATHER(layout, isa)
#define LW_VECTOR(slot, type, isa)
#include "every_kernel.def"
    {NULL, 0, false, 0, NULL, 0}};

const matrix_row gemm_rows[] = {
#define LW_GEMV(layout, method, isa)
#define LW_LUT(layout, isa)
#define LW_GEMM(layout, method, tokens, isa)                                                       \
    {"gemm_" #layout "_" #method "_" #isa,     LAYOUT_##layout, false, LW_ISA_##isa,               \
     ANY(lw_gemm_##layout##_##method##_##isa), tokens},
#define LW_GATHER(layout, isa)
#define LW_VECTOR(slot, type, isa)
#include "every_kernel.def"
    {NULL, 0, false, 0, NULL, 0}};

const matrix_row gather_rows[] = {
#define LW_GEMV(layout, method, isa)
#define LW_LUT(layout, isa)
#define LW_GEMM(layout, method, tokens, isa)
#define LW_GATHER(layout, isa)                                                                     \
    {"gather_" #layout "_" #isa,                                                                   \
     LAYOUT_##layout,                                                                              \
     false,                                                                                        \
     LW_ISA_##isa,                                                                                 \
     ANY(lw_gather_##layout##_##isa),                                                              \
     0},
#define LW_VECTOR(slot, type, isa)
#include "every_kernel.def"
    {NULL, 0, false, 0, NULL, 0}};

const vector_row vector_rows[] = {
#define LW_GEMV(layout, method, isa)
#define LW_LUT(layout, isa)
#define LW_GEMM(layout, method, tokens, isa)
#define LW_GATHER(layout, isa)
#define LW_VECTOR(slot, type, isa) {#slot "_" #isa, #slot, LW_ISA_##isa, ANY(lw_##slot##_##isa)},
#include "every_kernel.def"
    {NULL, NULL, 0, NULL}};

uint32_t host_isa(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("f16c")) {
        return LW_ISA_scalar;
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni")) {
        return LW_ISA_avx512;
    }
    return LW_ISA_avx2;
#elif defined(__aarch64__)
    const unsigned long hwcap = getauxval(AT_HWCAP);
    if (!(hwcap & HWCAP_ASIMDDP)) {
        return LW_ISA_neon;
    }
    return getauxval(AT_HWCAP2) & HWCAP2_I8MM ? LW_ISA_i8mm : LW_ISA_dotprod;
#else
    return LW_ISA_scalar;
#endif
}
