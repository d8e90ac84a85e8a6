#include "attention.h"
#include "../kernels.h"

void lw_attention_neon(const lw_attention_args *a) {
    attend_all(a, false);
}
