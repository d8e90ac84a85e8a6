/* The decision which instruction set to run, apart from the instructions that ask the processor. */
#ifndef LW_CPU_H
#define LW_CPU_H

#include <stdint.h>

/* Registers as an x86 processor gives them; 0 where it has no such leaf. */
typedef struct {
    uint32_t leaf1_ecx; /* CPUID leaf 1 */
    uint32_t leaf7_ebx; /* CPUID leaf 7, subleaf 0 */
    uint32_t leaf7_ecx;
    uint32_t xcr0; /* low half of XCR0: the state that the system saves; read only where OSXSAVE is
                      set */
} lw_x86_features;

/* Bits as Linux gives them to an AArch64 process. */
typedef struct {
    uint64_t hwcap; /* getauxval(AT_HWCAP) */
    uint64_t hwcap2;
} lw_arm_features;

/* The best LW_ISA_* that these features allow. */
uint32_t lw_x86_isa(const lw_x86_features *features);
uint32_t lw_arm_isa(const lw_arm_features *features);

#endif
