/* Tables of layout planes: T-MAC's table of subset sums (arXiv 2407.00088, section 3), kept exact
 * as the digits that planes.h describes: 16 low ones, then 16 high ones. */
#include "../kernels.h"
#include "../planes.h"
#include "codes.h"

void lw_lut_planes_neon(const lw_q8 *x, void *lut, int32_t begin, int32_t end) {
    static const int8_t has[LW_PLANES_COLS][LW_PLANES_ENTRIES] = {
        {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
        {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1},
        {0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1},
        {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1},
    };
    for (int32_t i = begin; i < end; i++) {
        const int8_t *columns = x->codes + (size_t)i * LW_PLANES_COLS;
        int16x8_t sum[2] = {vdupq_n_s16(LW_PLANES_BIAS), vdupq_n_s16(LW_PLANES_BIAS)};
        for (int j = 0; j < LW_PLANES_COLS; j++) {
            const int8x16_t in = vld1q_s8(has[j]);
            sum[0] = vmlal_s8(sum[0], vget_low_s8(in), vdup_n_s8(columns[j]));
            sum[1] = vmlal_high_s8(sum[1], in, vdupq_n_s8(columns[j]));
        }
        const uint16x8_t lo = vreinterpretq_u16_s16(sum[0]);
        const uint16x8_t hi = vreinterpretq_u16_s16(sum[1]);
        const uint8x16_t bytes = vuzp1q_u8(vreinterpretq_u8_u16(lo), vreinterpretq_u8_u16(hi));
        uint8_t *table = (uint8_t *)lut + (size_t)i * LW_PLANES_TABLE;
        vst1q_u8(table, vandq_u8(bytes, vdupq_n_u8(LW_PLANES_BASE - 1)));
        vst1q_u8(table + LW_PLANES_ENTRIES,
                 vshrn_high_n_u16(vshrn_n_u16(lo, LW_PLANES_BASE_BITS), hi, LW_PLANES_BASE_BITS));
    }
}
