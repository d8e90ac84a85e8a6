#include "../kernels.h"
#include "attention_heads.h"

void lw_attention_q8_avx512(const lw_attention_args *a) {
    attend_all(a, KV_Q8);
}
