/* What estimates of single rows lack: the products of their low parts, 16 columns a register. */
#ifndef LW_NEON_SPLIT_REFINE_H
#define LW_NEON_SPLIT_REFINE_H

#include "split.h"

/* The sum of the low parts of a block of one row times x. */
typedef int32_t lw_low_dot(const uint8_t *block, const int8_t *x);

LW_INLINE float lw_split_scale(const lw_matrix *w, const lw_split *s, int32_t row, int32_t g) {
    const size_t tile = (size_t)(row / LW_SPLIT_ROWS) * (size_t)s->groups + (size_t)g;
    const uint16_t *half =
        (const uint16_t *)w->scales + tile * LW_SPLIT_ROWS + (size_t)(row % LW_SPLIT_ROWS);
    const float16x4_t halves = vreinterpret_f16_u16(vdup_n_u16(*half));
    return vgetq_lane_f32(vcvt_f32_f16(halves), 0);
}

LW_INLINE void lw_split_refine(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                               const uint32_t *rows, int32_t count, float *low, lw_low_dot *dot) {
    const lw_split s = lw_split_parts(w);
    for (int32_t i = 0; i < count; i++) {
        const uint8_t *block = s.low + (size_t)rows[i] * s.low_stride;
        float twice = 0.0f;
        for (int32_t g = 0; g < s.groups; g++, block += LW_SPLIT_BLOCK) {
            /* a group ends inside the padding of x, where activations are zero */
            const int32_t sum = dot(block, x->codes + g * LW_SPLIT_BLOCK_COLS);
            const float scale = lw_split_scale(w, &s, (int32_t)rows[i], g);
            twice = twice + scale * (float)(2 * sum + groups[g].low_start);
        }
        low[i] = twice * 0.5f;
    }
}

#endif
