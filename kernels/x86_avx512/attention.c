#include "../kernels.h"
#include "attention_heads.h"

void lw_attention_avx512(const lw_attention_args *a) {
    attend_all(a, KV_F16);
}
