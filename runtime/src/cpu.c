/* What this processor can run: the instruction sets that it has and that the operating system saves
 * on a switch. */
#include "cpu.h"

#include <stdbool.h>

#include "lutwerk/lutwerk.h"

/* Bit numbers: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, CPUID, and
 * volume 1, 13.3. */
enum {
    LEAF1_ECX_OSXSAVE = 1u << 27,
    LEAF1_ECX = LEAF1_ECX_OSXSAVE | 1u << 28 | 1u << 29, /* OSXSAVE, AVX, F16C */
    LEAF7_EBX_AVX2 = 1u << 5,
    LEAF7_EBX_AVX512 = 1u << 16 | 1u << 17 | 1u << 30,    /* F, DQ, BW; VL is the sign bit */
    LEAF7_ECX_AVX512 = 1u << 1 | 1u << 11,                /* VBMI, VNNI */
    XCR0_AVX = 1u << 1 | 1u << 2,                         /* XMM and YMM state */
    XCR0_AVX512 = XCR0_AVX | 1u << 5 | 1u << 6 | 1u << 7, /* mask, ZMM_Hi256, Hi16_ZMM state */
};
#define LEAF7_EBX_AVX512VL (1u << 31)

static bool has_all(uint32_t bits, uint32_t wanted) {
    return (bits & wanted) == wanted;
}

uint32_t lw_x86_isa(const lw_x86_features *f) {
    if (!has_all(f->leaf1_ecx, LEAF1_ECX) || !has_all(f->leaf7_ebx, LEAF7_EBX_AVX2) ||
        !has_all(f->xcr0, XCR0_AVX))
        return LW_ISA_scalar;
    if (has_all(f->leaf7_ebx, LEAF7_EBX_AVX512 | LEAF7_EBX_AVX512VL) &&
        has_all(f->leaf7_ecx, LEAF7_ECX_AVX512) && has_all(f->xcr0, XCR0_AVX512))
        return LW_ISA_avx512;
    return LW_ISA_avx2;
}

/* Bit numbers: the Linux kernel's Documentation/arch/arm64/elf_hwcaps.rst. */
enum {
    HWCAP_BIT_ASIMD = 1u << 1,
    HWCAP_BIT_ASIMDDP = 1u << 20,
    HWCAP2_BIT_I8MM = 1u << 13,
};

uint32_t lw_arm_isa(const lw_arm_features *f) {
    if (!(f->hwcap & HWCAP_BIT_ASIMD))
        return LW_ISA_scalar;
    if (!(f->hwcap & HWCAP_BIT_ASIMDDP))
        return LW_ISA_neon;
    return f->hwcap2 & HWCAP2_BIT_I8MM ? LW_ISA_i8mm : LW_ISA_dotprod;
}

#if defined(__x86_64__)

#include <cpuid.h>

static uint32_t read_xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

uint32_t lw_cpu_isa(void) {
    lw_x86_features f = {0};
    uint32_t eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx))
        f.leaf1_ecx = ecx;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        f.leaf7_ebx = ebx;
        f.leaf7_ecx = ecx;
    }
    /* xgetbv is an illegal instruction where the system has not enabled it. */
    if (f.leaf1_ecx & LEAF1_ECX_OSXSAVE)
        f.xcr0 = read_xcr0();
    return lw_x86_isa(&f);
}

#elif defined(__aarch64__) && defined(__linux__)

#include <sys/auxv.h>

uint32_t lw_cpu_isa(void) {
    const lw_arm_features f = {getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};
    return lw_arm_isa(&f);
}

#else

uint32_t lw_cpu_isa(void) {
    return LW_ISA_scalar;
}

#endif
