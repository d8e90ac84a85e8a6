#include "../kernels.h"

void lw_rope_scalar(float *x, const float *cos_sin, int32_t heads, int32_t head_dim) {
    const int32_t half = head_dim / 2;
    for (int32_t h = 0; h < heads; h++) {
        float *head = x + (size_t)h * (size_t)head_dim;
        for (int32_t i = 0; i < half; i++) {
            const float a = head[i];
            const float b = head[i + half];
            head[i] = a * cos_sin[i] - b * cos_sin[i + half];
            head[i + half] = b * cos_sin[i] + a * cos_sin[i + half];
        }
    }
}
