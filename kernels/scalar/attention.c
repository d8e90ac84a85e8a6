#include "attention.h"
#include "../kernels.h"

void lw_attention_scalar(const lw_attention_args *a) {
    for (int32_t token = 0; token < a->tokens; token++) {
        lw_attend(a, token, false);
    }
}
