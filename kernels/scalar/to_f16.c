#include "../kernels.h"
#include "f16.h"

void lw_to_f16_scalar(uint16_t *dst, const float *src, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        dst[i] = lw_f32_to_f16(src[i]);
    }
}
