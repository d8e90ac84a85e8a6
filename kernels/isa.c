#include <stdbool.h>

#include "lutwerk/lutwerk.h"

typedef enum { ARCHITECTURE_any, ARCHITECTURE_x86_64, ARCHITECTURE_aarch64 } architecture;

typedef struct {
    const char *name;
    architecture architecture;
} isa_row;

static const isa_row isas[LW_ISA_COUNT] = {
#define LW_ISA(number, name, architecture) [number] = {#name, ARCHITECTURE_##architecture},
#include "lutwerk/isas.def"
#undef LW_ISA
};

const char *lw_isa_name(uint32_t isa) {
    return isa < LW_ISA_COUNT ? isas[isa].name : "unknown";
}

int lw_isa_includes(uint32_t isa, uint32_t other) {
    if (isa >= LW_ISA_COUNT || other >= LW_ISA_COUNT)
        return false;
    return isas[other].architecture == ARCHITECTURE_any ||
           (isas[other].architecture == isas[isa].architecture && other <= isa);
}
