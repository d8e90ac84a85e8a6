/* SDOT by 4 broadcast activations. */
#ifndef LW_DOTPROD_DOT_H
#define LW_DOTPROD_DOT_H

#include "../arm_neon/codes.h"

/* sum + codes * dword `lane`, a constant, of x: a row a lane. */
LW_INLINE int32x4_t lw_dot4(int32x4_t sum, int8x16_t codes, int8x16_t x, const int lane) {
    switch (lane) {
    case 0:
        return vdotq_laneq_s32(sum, codes, x, 0);
    case 1:
        return vdotq_laneq_s32(sum, codes, x, 1);
    case 2:
        return vdotq_laneq_s32(sum, codes, x, 2);
    default:
        return vdotq_laneq_s32(sum, codes, x, 3);
    }
}

#endif
