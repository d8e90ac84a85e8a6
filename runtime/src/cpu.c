/* What this processor can run: the instruction sets that it has and that the operating system saves
 * on a switch. */
#include "lutwerk/lutwerk.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <stdbool.h>

/* Bit numbers: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, CPUID, and
 * volume 1, 13.3. */
enum {
    LEAF1_ECX = 1u << 27 | 1u << 28 | 1u << 29, /* OSXSAVE, AVX, F16C */
    LEAF7_EBX_AVX2 = 1u << 5,
    LEAF7_EBX_AVX512 = 1u << 16 | 1u << 17 | 1u << 30,    /* F, DQ, BW; VL is the sign bit */
    LEAF7_ECX_AVX512 = 1u << 1 | 1u << 11,                /* VBMI, VNNI */
    XCR0_AVX = 1u << 1 | 1u << 2,                         /* XMM and YMM state */
    XCR0_AVX512 = XCR0_AVX | 1u << 5 | 1u << 6 | 1u << 7, /* mask, ZMM_Hi256, Hi16_ZMM state */
};
#define LEAF7_EBX_AVX512VL (1u << 31)

static uint32_t read_xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has_all(uint32_t bits, uint32_t wanted) {
    return (bits & wanted) == wanted;
}

uint32_t lw_cpu_isa(void) {
    uint32_t eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has_all(ecx, LEAF1_ECX))
        return LW_ISA_SCALAR;
    const uint32_t xcr0 = read_xcr0();
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !has_all(ebx, LEAF7_EBX_AVX2) ||
        !has_all(xcr0, XCR0_AVX))
        return LW_ISA_SCALAR;
    if (has_all(ebx, LEAF7_EBX_AVX512 | LEAF7_EBX_AVX512VL) && has_all(ecx, LEAF7_ECX_AVX512) &&
        has_all(xcr0, XCR0_AVX512))
        return LW_ISA_AVX512;
    return LW_ISA_AVX2;
}

#else

uint32_t lw_cpu_isa(void) {
    return LW_ISA_SCALAR;
}

#endif
