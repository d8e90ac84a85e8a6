/* What the integer kernels share: groups, scales, and blocks of 16 rows as four quads of 4. */
#ifndef LW_NEON_CODES_H
#define LW_NEON_CODES_H

#include "simd.h"

enum {
    LW_BLOCK_COLS = 32, /* columns of a tile of fields and planes; every group is a multiple */
    LW_BLOCK_ROWS = 16,
    LW_ROW_QUADS = LW_BLOCK_ROWS / 4,
    LW_STEP_BYTES = LW_BLOCK_ROWS * 4, /* 4 columns of 16 rows, a byte a code */
};

/* One number for each of 16 rows. */
typedef struct {
    int32x4_t q[LW_ROW_QUADS];
} lw_row_sums;

typedef struct {
    float32x4_t q[LW_ROW_QUADS];
} lw_row_floats;

LW_INLINE lw_row_sums lw_row_sums_zero(void) {
    const int32x4_t zero = vdupq_n_s32(0);
    return (lw_row_sums){{zero, zero, zero, zero}};
}

LW_INLINE lw_row_floats lw_row_floats_zero(void) {
    const float32x4_t zero = vdupq_n_f32(0.0f);
    return (lw_row_floats){{zero, zero, zero, zero}};
}

LW_INLINE int32_t lw_min_i32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

LW_INLINE int32_t lw_ceil_div(int32_t count, int32_t unit) {
    return (int32_t)(((uint32_t)count + (uint32_t)unit - 1) / (uint32_t)unit);
}

/* Column tiles of 32 in a row. */
LW_INLINE int32_t lw_blocks(const lw_matrix *w) {
    return lw_ceil_div(w->cols, LW_BLOCK_COLS);
}

/* Column tiles of 32 that share a scale. */
LW_INLINE int32_t lw_group_blocks(const lw_matrix *w) {
    return w->group != 0 ? w->group / LW_BLOCK_COLS : lw_blocks(w);
}

/* Sum of x over the column tiles [begin, end). */
LW_INLINE int32_t lw_x_sum(const int32_t *sums, int32_t begin, int32_t end) {
    int32_t sum = 0;
    for (int32_t i = begin; i < end; i++) {
        sum += sums[i];
    }
    return sum;
}

/* The scales of row `row` of row tile `tile` in group 0; those of group g follow g * tile_rows
 * elements later. */
LW_INLINE const void *lw_tile_scales(const lw_matrix *w, int32_t tile_rows, int32_t tile,
                                     int32_t row) {
    if (w->group == 0) {
        return (const float *)w->scales + (size_t)tile * (size_t)tile_rows + (size_t)row;
    }
    const size_t groups = (size_t)lw_ceil_div(w->cols, w->group);
    return (const uint16_t *)w->scales + (size_t)tile * groups * (size_t)tile_rows + (size_t)row;
}

/* 4 scales of groups. */
LW_INLINE float32x4_t lw_load_f16_scales(const uint16_t *scales) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(scales)));
}

/* The scales of 4 rows. */
LW_INLINE float32x4_t lw_load_scales(const lw_matrix *w, const void *scales, size_t index) {
    if (w->group == 0) {
        return vld1q_f32((const float *)scales + index);
    }
    return lw_load_f16_scales((const uint16_t *)scales + index);
}

/* The zero points where lw_tile_scales has scales; NULL where the matrix has none. */
LW_INLINE const uint8_t *lw_tile_zeros(const lw_matrix *w, int32_t tile_rows, int32_t tile,
                                       int32_t row) {
    if (w->zeros == NULL) {
        return NULL;
    }
    const size_t groups = (size_t)lw_ceil_div(w->cols, w->group);
    return w->zeros + (size_t)tile * groups * (size_t)tile_rows + (size_t)row;
}

LW_INLINE lw_row_sums lw_row_sums_less(lw_row_sums sums, int32_t less) {
    for (int i = 0; i < LW_ROW_QUADS; i++) {
        sums.q[i] = vsubq_s32(sums.q[i], vdupq_n_s32(less));
    }
    return sums;
}

/* Sums of (code - less) * x of one group to sums of (step * code - zero) * x (lw_matrix); `index`
 * is that of the first row's zero point, x_sum the sum of x. */
LW_INLINE lw_row_sums lw_value_sums(lw_row_sums sums, const lw_matrix *w, const uint8_t *zeros,
                                    size_t index, int32_t less, int32_t x_sum) {
    if (w->bits == 1) {
        for (int i = 0; i < LW_ROW_QUADS; i++) {
            sums.q[i] = vaddq_s32(sums.q[i], sums.q[i]);
        }
    }
    if (zeros == NULL) {
        return lw_row_sums_less(sums, (w->offset - less) * x_sum);
    }
    const uint8x16_t bytes = vld1q_u8(zeros + index);
    const uint16x8_t half[2] = {vmovl_u8(vget_low_u8(bytes)), vmovl_high_u8(bytes)};
    for (int i = 0; i < LW_ROW_QUADS; i++) {
        const uint16x4_t quad = i % 2 == 0 ? vget_low_u16(half[i / 2]) : vget_high_u16(half[i / 2]);
        const int32x4_t zero = vreinterpretq_s32_u32(vmovl_u16(quad));
        sums.q[i] = vmlsq_n_s32(sums.q[i], vsubq_s32(zero, vdupq_n_s32(less)), x_sum);
    }
    return sums;
}

/* acc + scale * (float)sums: one group, in the order of runtime/FORMAT.md, "Numerics"; `index` is
 * that of the first row's scale. */
LW_INLINE lw_row_floats lw_add_group(lw_row_floats acc, const lw_matrix *w, const void *scales,
                                     size_t index, lw_row_sums sums) {
    for (int i = 0; i < LW_ROW_QUADS; i++) {
        const float32x4_t scale = lw_load_scales(w, scales, index + 4 * (size_t)i);
        acc.q[i] = vaddq_f32(acc.q[i], vmulq_f32(scale, vcvtq_f32_s32(sums.q[i])));
    }
    return acc;
}

/* y = acc * scale for the first `count` of 16 rows; count may be above 16. */
LW_INLINE void lw_store_rows(float *y, int32_t count, lw_row_floats acc, float scale) {
    for (int i = 0; i < LW_ROW_QUADS; i++) {
        acc.q[i] = vmulq_n_f32(acc.q[i], scale);
    }
    if (count >= LW_BLOCK_ROWS) {
        for (int i = 0; i < LW_ROW_QUADS; i++) {
            vst1q_f32(y + 4 * i, acc.q[i]);
        }
    } else {
        memcpy(y, &acc, (size_t)count * sizeof *y);
    }
}

/* Bytes shifted right by a constant. */
LW_INLINE uint8x16_t lw_shift_right(uint8x16_t v, const int bits) {
    switch (bits) {
    case 1:
        return vshrq_n_u8(v, 1);
    case 2:
        return vshrq_n_u8(v, 2);
    case 3:
        return vshrq_n_u8(v, 3);
    case 4:
        return vshrq_n_u8(v, 4);
    case 5:
        return vshrq_n_u8(v, 5);
    case 6:
        return vshrq_n_u8(v, 6);
    case 7:
        return vshrq_n_u8(v, 7);
    default:
        return v;
    }
}

/* Dword `lane`, a constant, in every dword. */
LW_INLINE int8x16_t lw_broadcast4(int8x16_t x, const int lane) {
    const int32x4_t dwords = vreinterpretq_s32_s8(x);
    switch (lane) {
    case 0:
        return vreinterpretq_s8_s32(vdupq_laneq_s32(dwords, 0));
    case 1:
        return vreinterpretq_s8_s32(vdupq_laneq_s32(dwords, 1));
    case 2:
        return vreinterpretq_s8_s32(vdupq_laneq_s32(dwords, 2));
    default:
        return vreinterpretq_s8_s32(vdupq_laneq_s32(dwords, 3));
    }
}

#endif
