/* The instruction set of processors that are not here, from their published features. The bits are
 * named again, from the manual that cpu.c names: a slip there must not hide here. */
#include <stdio.h>

#include "check.h"
#include "cpu.h"
#include "lutwerk/lutwerk.h"

#define BIT(n) (UINT32_C(1) << (n))

/* CPUID leaf 1, ecx. */
#define FMA BIT(12)
#define XSAVE BIT(26)
#define OSXSAVE BIT(27)
#define AVX BIT(28)
#define F16C BIT(29)
/* CPUID leaf 7, subleaf 0, ebx. */
#define BMI1 BIT(3)
#define AVX2 BIT(5)
#define BMI2 BIT(8)
#define AVX512F BIT(16)
#define AVX512DQ BIT(17)
#define AVX512IFMA BIT(21)
#define AVX512PF BIT(26)
#define AVX512ER BIT(27)
#define AVX512CD BIT(28)
#define AVX512BW BIT(30)
#define AVX512VL BIT(31)
/* The same leaf, ecx. */
#define AVX512VBMI BIT(1)
#define AVX512VBMI2 BIT(6)
#define GFNI BIT(8)
#define AVX512VNNI BIT(11)
#define AVX512BITALG BIT(12)
#define AVX512VPOPCNTDQ BIT(14)
/* XCR0: state that the system saves. */
#define X87_SSE (BIT(0) | BIT(1))
#define YMM BIT(2)
#define OPMASK BIT(5)
#define ZMM_HI256 BIT(6)
#define HI16_ZMM BIT(7)

/* What generations have in common. */
#define V3_1 (XSAVE | OSXSAVE | AVX | F16C | FMA)
#define V3_7 (BMI1 | AVX2 | BMI2)
#define SAVES_YMM (X87_SSE | YMM)
#define V4_7 (V3_7 | AVX512F | AVX512CD | AVX512BW | AVX512DQ | AVX512VL)
#define SAVES_ZMM (SAVES_YMM | OPMASK | ZMM_HI256 | HI16_ZMM)
#define ICE_LAKE_7 (V4_7 | AVX512IFMA)
#define ICE_LAKE_7C (AVX512VBMI | AVX512VBMI2 | GFNI | AVX512VNNI | AVX512BITALG | AVX512VPOPCNTDQ)

typedef struct {
    const char *name;
    uint32_t isa;
    lw_x86_features features; /* leaf 1 ecx, leaf 7 ebx, leaf 7 ecx, XCR0 */
} pretended;

static const pretended processors[] = {
    {"Nehalem", LW_ISA_scalar, {0, 0, 0, 0}},
    {"Sandy Bridge", LW_ISA_scalar, {XSAVE | OSXSAVE | AVX, 0, 0, SAVES_YMM}},
    {"Ivy Bridge", LW_ISA_scalar, {XSAVE | OSXSAVE | AVX | F16C, 0, 0, SAVES_YMM}},
    {"Haswell", LW_ISA_avx2, {V3_1, V3_7, 0, SAVES_YMM}},
    {"Zen 2", LW_ISA_avx2, {V3_1, V3_7, 0, SAVES_YMM}},
    {"Alder Lake", LW_ISA_avx2, {V3_1, V3_7, GFNI, SAVES_YMM}},
    {"Knights Landing",
     LW_ISA_avx2,
     {V3_1, V3_7 | AVX512F | AVX512PF | AVX512ER | AVX512CD, 0, SAVES_ZMM}},
    {"Skylake-X", LW_ISA_avx2, {V3_1, V4_7, 0, SAVES_ZMM}},
    {"Cascade Lake", LW_ISA_avx2, {V3_1, V4_7, AVX512VNNI, SAVES_ZMM}},
    {"Cannon Lake", LW_ISA_avx2, {V3_1, ICE_LAKE_7, AVX512VBMI, SAVES_ZMM}},
    {"Ice Lake", LW_ISA_avx512, {V3_1, ICE_LAKE_7, ICE_LAKE_7C, SAVES_ZMM}},
    {"Zen 4", LW_ISA_avx512, {V3_1, ICE_LAKE_7, ICE_LAKE_7C, SAVES_ZMM}},
    {"Zen 4, system without ZMM state", LW_ISA_avx2, {V3_1, ICE_LAKE_7, ICE_LAKE_7C, SAVES_YMM}},
    {"Zen 4, system without YMM state", LW_ISA_scalar, {V3_1, ICE_LAKE_7, ICE_LAKE_7C, X87_SSE}},
    {"Zen 4, hypervisor without XSAVE",
     LW_ISA_scalar,
     {V3_1 & ~(XSAVE | OSXSAVE), ICE_LAKE_7, ICE_LAKE_7C, 0}},
    {"Zen 4, hypervisor without leaf 7", LW_ISA_scalar, {V3_1, 0, 0, SAVES_ZMM}},
    {"Haswell, hypervisor without F16C", LW_ISA_scalar, {V3_1 & ~F16C, V3_7, 0, SAVES_YMM}},
    {"Haswell, hypervisor without FMA", LW_ISA_avx2, {V3_1 & ~FMA, V3_7, 0, SAVES_YMM}},
};

static void test_processors(void) {
    for (size_t i = 0; i < sizeof processors / sizeof *processors; i++) {
        const uint32_t isa = lw_x86_isa(&processors[i].features);
        if (isa != processors[i].isa)
            fprintf(stderr, "%s\n", processors[i].name);
        CHECK_EQUAL(isa, processors[i].isa);
    }
}

/* Without one bit, the best that is left: of everything that the kernels are compiled for nothing
 * may be missing, and nothing else counts. */
static void test_each_bit(void) {
    const lw_x86_features all = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    CHECK_EQUAL(lw_x86_isa(&all), LW_ISA_avx512);
    const lw_x86_features avx2 = {OSXSAVE | AVX | F16C, AVX2, 0, BIT(1) | YMM};
    const lw_x86_features avx512 = {0, AVX512F | AVX512BW | AVX512DQ | AVX512VL,
                                    AVX512VBMI | AVX512VNNI, OPMASK | ZMM_HI256 | HI16_ZMM};
    for (int n = 0; n < 4 * 32; n++) {
        lw_x86_features without = all, bit = {0};
        uint32_t *cleared[] = {&without.leaf1_ecx, &without.leaf7_ebx, &without.leaf7_ecx,
                               &without.xcr0};
        uint32_t *set[] = {&bit.leaf1_ecx, &bit.leaf7_ebx, &bit.leaf7_ecx, &bit.xcr0};
        *cleared[n / 32] &= ~BIT(n % 32);
        *set[n / 32] = BIT(n % 32);
        const uint32_t of_avx2 = (bit.leaf1_ecx & avx2.leaf1_ecx) |
                                 (bit.leaf7_ebx & avx2.leaf7_ebx) | (bit.xcr0 & avx2.xcr0);
        const uint32_t of_avx512 = (bit.leaf7_ebx & avx512.leaf7_ebx) |
                                   (bit.leaf7_ecx & avx512.leaf7_ecx) | (bit.xcr0 & avx512.xcr0);
        CHECK_EQUAL(lw_x86_isa(&without), of_avx2     ? LW_ISA_scalar
                                          : of_avx512 ? LW_ISA_avx2
                                                      : LW_ISA_avx512);
    }
}

/* AT_HWCAP and AT_HWCAP2 of Linux, as /proc/cpuinfo of these boards lists them. */
#define FP_ASIMD (BIT(0) | BIT(1))
#define CRC32 BIT(7)
#define ATOMICS BIT(8)
#define FPHP_ASIMDHP (BIT(9) | BIT(10))
#define ASIMDRDM BIT(12)
#define ASIMDDP BIT(20)
#define SVE BIT(22)
#define I8MM BIT(13)
#define BF16 BIT(14)

static void test_arm(void) {
    static const struct {
        uint32_t isa;
        lw_arm_features features;
    } boards[] = {
        {LW_ISA_neon, {FP_ASIMD | CRC32, 0}}, /* Cortex-A53, A72: Raspberry Pi 3, 4 */
        {LW_ISA_dotprod, {FP_ASIMD | CRC32 | ATOMICS | FPHP_ASIMDHP | ASIMDRDM | ASIMDDP, 0}},
        {LW_ISA_neon, {FP_ASIMD | CRC32 | FPHP_ASIMDHP | SVE, 0}}, /* A64FX */
        {LW_ISA_i8mm, {FP_ASIMD | ATOMICS | FPHP_ASIMDHP | ASIMDDP | SVE, I8MM | BF16}},
        {LW_ISA_neon, {FP_ASIMD, I8MM}}, /* a hypervisor that hides the dot product */
        {LW_ISA_scalar, {0, 0}},
    };
    for (size_t i = 0; i < sizeof boards / sizeof *boards; i++)
        CHECK_EQUAL(lw_arm_isa(&boards[i].features), boards[i].isa);
    const lw_arm_features all = {UINT64_MAX, UINT64_MAX};
    for (int n = 0; n < 64; n++) {
        const uint64_t bit = UINT64_C(1) << n;
        const lw_arm_features without = {all.hwcap & ~bit, all.hwcap2};
        const lw_arm_features without2 = {all.hwcap, all.hwcap2 & ~bit};
        CHECK_EQUAL(lw_arm_isa(&without), bit == BIT(1)    ? LW_ISA_scalar
                                          : bit == ASIMDDP ? LW_ISA_neon
                                                           : LW_ISA_i8mm);
        CHECK_EQUAL(lw_arm_isa(&without2), bit == I8MM ? LW_ISA_dotprod : LW_ISA_i8mm);
    }
}

int main(void) {
    test_processors();
    test_arm();
    test_each_bit();
    return 0;
}
