/* Packing by the address formulas of runtime/FORMAT.md, "Layouts", one code at a time. */
#include <string.h>

#include "lutwerk/lutwerk.h"
#include "naive.h"
#include "pack_split.h"

static size_t ceil_div(int32_t a, int32_t b) {
    return ((size_t)a + (size_t)b - 1) / (size_t)b;
}

/* FORMAT.md draws where each bit of a composed field lies: digit 8 * vector + bit, from the highest
 * bit of the code on. */
static const uint8_t *composed_bits(int32_t bits, int32_t field) {
    static const uint8_t three[2][3] = {{7, 6, 22}, {15, 14, 23}};
    static const uint8_t five[3][5] = {
        {7, 6, 5, 31, 30}, {15, 14, 13, 39, 38}, {23, 22, 21, 29, 37}};
    static const uint8_t six[2][6] = {{7, 6, 15, 14, 23, 22}, {31, 30, 39, 38, 47, 46}};
    static const uint8_t seven[1][7] = {{7, 15, 23, 31, 39, 47, 55}};
    return bits == 3   ? three[field - 6]
           : bits == 5 ? five[field - 5]
           : bits == 6 ? six[field - 6]
                       : seven[field - 7];
}

static void put_fields(uint8_t *tile, int32_t bits, int32_t n, int32_t k, uint32_t code) {
    const int32_t field = k / 4;
    const int32_t whole = 8 / bits; /* codes of a byte */
    uint8_t *bytes = tile + n % 16 * 4 + k % 4;
    for (int32_t bit = 0; bit < bits; bit++) {
        const int32_t at = field < whole * bits ? field / whole * 8 + field % whole * bits + bit
                                                : composed_bits(bits, field)[bits - 1 - bit];
        uint8_t *byte = bytes + at / 8 * 64;
        *byte = (uint8_t)(*byte | (code >> bit & 1u) << at % 8);
    }
}

static void put_planes(uint8_t *tile, int32_t bits, int32_t n, int32_t k, uint32_t code) {
    for (int32_t p = 0; p < bits; p++) {
        uint8_t *byte = tile + 256 * p + k / 8 * 64 + n % 64;
        *byte = (uint8_t)(*byte | (code >> p & 1u) << (k % 8));
    }
}

static void put_base3(uint8_t *tile, int32_t n, int32_t k, uint32_t code) {
    static const uint32_t power[] = {1, 3, 9, 27, 81};
    tile[n % 64] = (uint8_t)(tile[n % 64] + code * power[k]);
}

/* Where the scale and zero point of row n in group g lie. */
static int32_t group_row(const naive_matrix *m, const layout_row *layout, int32_t n, int32_t g) {
    return (n / layout->tile_rows * m->groups + g) * layout->tile_rows + n % layout->tile_rows;
}

static void pack_scales(const naive_matrix *m, const layout_row *layout, void *scales) {
    for (int32_t n = 0; n < m->rows; n++) {
        if (m->group == 0) {
            ((float *)scales)[n] = m->scales[n];
            continue;
        }
        for (int32_t g = 0; g < m->groups; g++) {
            ((uint16_t *)scales)[group_row(m, layout, n, g)] =
                naive_f32_to_f16(m->scales[n * m->groups + g]);
        }
    }
}

static uint8_t *pack_zeros(const naive_matrix *m, const layout_row *layout, size_t padded_rows,
                           side at) {
    const size_t bytes = padded_rows * (size_t)m->groups;
    uint8_t *zeros = guarded(MEM_ZEROS, at, bytes, 64);
    memset(zeros, 0, bytes);
    for (int32_t i = 0; i < m->rows * m->groups; i++) {
        zeros[group_row(m, layout, i / m->groups, i % m->groups)] = m->zeros[i];
    }
    return zeros;
}

/* The layouts whose codes are tiles and nothing else. */
static void *pack_tiles(const naive_matrix *m, const layout_row *layout, side at) {
    const size_t row_tiles = ceil_div(m->rows, layout->tile_rows);
    const size_t column_tiles = ceil_div(m->cols, layout->tile_cols);
    const size_t tile_bytes = layout->id == LAYOUT_base3    ? 64
                              : layout->id == LAYOUT_fields ? 64 * (size_t)m->bits
                                                            : 256 * (size_t)m->bits;
    const size_t padded_rows = row_tiles * (size_t)layout->tile_rows;
    const size_t bytes = row_tiles * column_tiles * tile_bytes;
    uint8_t *codes = guarded(MEM_CODES, at, bytes, 64);
    memset(codes, 0, bytes);
    for (size_t n = 0; n < padded_rows; n++) {
        for (size_t k = 0; k < column_tiles * (size_t)layout->tile_cols; k++) {
            const size_t t =
                n / (size_t)layout->tile_rows * column_tiles + k / (size_t)layout->tile_cols;
            const bool inside = n < (size_t)m->rows && k < (size_t)m->cols;
            const uint32_t code = inside ? m->codes[n * (size_t)m->cols + k] : (uint32_t)m->offset;
            const int32_t column = (int32_t)(k % (size_t)layout->tile_cols);
            uint8_t *tile = codes + t * tile_bytes;
            if (layout->id == LAYOUT_fields) {
                put_fields(tile, m->bits, (int32_t)n, column, code);
            } else if (layout->id == LAYOUT_planes) {
                put_planes(tile, m->bits, (int32_t)n, column, code);
            } else {
                put_base3(tile, (int32_t)n, column, code);
            }
        }
    }
    return codes;
}

static void *pack_split(const naive_matrix *m, side at) {
    uint8_t *codes = guarded(MEM_CODES, at, split_bytes(m->rows, m->cols), 64);
    split_pack(codes, m->rows, m->cols, m->codes, m->dither);
    return codes;
}

lw_matrix naive_pack(const naive_matrix *m, const layout_row *layout, side at) {
    const size_t padded_rows = ceil_div(m->rows, layout->tile_rows) * (size_t)layout->tile_rows;
    const size_t scale_bytes = m->group == 0 ? padded_rows * sizeof(float)
                                             : padded_rows * (size_t)m->groups * sizeof(uint16_t);
    void *codes = layout->id == LAYOUT_split ? pack_split(m, at) : pack_tiles(m, layout, at);
    void *scales = guarded(MEM_SCALES, at, scale_bytes, 64);
    memset(scales, 0, scale_bytes);
    pack_scales(m, layout, scales);
    const uint8_t *zeros = m->zeros ? pack_zeros(m, layout, padded_rows, at) : NULL;
    return (lw_matrix){codes, scales, m->rows, m->cols, m->bits, m->offset, m->group, zeros};
}

lw_q8 naive_pack_x(const naive_x *x, side at) {
    const size_t stride = (size_t)lw_q8_stride(x->cols);
    const size_t tokens = (size_t)x->tokens;
    int8_t *codes = guarded(MEM_X, at, tokens * stride, 64);
    int32_t *sums = guarded(MEM_X_SUMS, at, tokens * stride / 32 * sizeof *sums, sizeof *sums);
    float *scales = guarded(MEM_X_SCALES, at, tokens * sizeof *scales, sizeof *scales);
    memset(codes, 0, tokens * stride);
    memset(sums, 0, tokens * stride / 32 * sizeof *sums);
    memcpy(scales, x->scales, tokens * sizeof *scales);
    for (size_t t = 0; t < tokens; t++) {
        for (size_t k = 0; k < (size_t)x->cols; k++) {
            codes[t * stride + k] = x->codes[t * (size_t)x->cols + k];
            sums[(t * stride + k) / 32] += codes[t * stride + k];
        }
    }
    return (lw_q8){codes, sums, scales, (int32_t)stride};
}

int32_t naive_lut_count(const layout_row *layout, int32_t cols) {
    return layout->id == LAYOUT_planes ? (int32_t)ceil_div(cols, 32) * 8
                                       : (int32_t)ceil_div(cols, layout->lut_cols);
}

static int32_t activation(const naive_x *x, int32_t k) {
    return k < x->cols ? x->codes[k] : 0;
}

/* The sum of (code - 1) * x over a byte of layout base3. */
static int32_t base3_sum(const naive_x *x, int32_t first, int32_t byte) {
    int32_t sum = 0;
    for (int32_t j = 0; j < 5; j++) {
        sum += (byte % 3 - 1) * activation(x, first + j);
        byte /= 3;
    }
    return sum;
}

/* base3 on ARM: the sum of byte b is V[slots[b / 8] + b % 8] + U[b / 8]. V are sums of bytes; V
 * increased by 635 and U by 381 are stored as base-32 digits, those of U as -1 - digit. */
static void arm_base3_lut(const naive_x *x, int32_t first, uint8_t *table) {
    static const int32_t slots[] = {0,  8, 7, 15, 5,  4, 12, 2,  1, 0, 24, 7, 6, 14, 4, 3,
                                    11, 1, 0, 8,  23, 6, 5,  13, 3, 2, 1,  0, 8, 7,  6};
    for (int32_t e = 0; e < 32; e++) {
        const int32_t v = base3_sum(x, first, e < 23 ? 117 + e : 137 + e);
        int32_t u = 0;
        if (e < 31) {
            const int32_t slot = slots[e];
            u = base3_sum(x, first, 8 * e) -
                base3_sum(x, first, slot < 23 ? 117 + slot : 137 + slot);
        }
        table[e] = (uint8_t)((635 + v) % 32);
        table[32 + e] = (uint8_t)((635 + v) / 32);
        table[64 + e] = (uint8_t)(-1 - (381 + u) % 32);
        table[96 + e] = (uint8_t)(-1 - (381 + u) / 32);
    }
}

/* base3 on AVX2: symmetric base-25 digits of the sums of columns 0 to 2 of code 13 + e and of
 * columns 3 and 4 of code e, 16 entries each, of which those that are no code have no columns. */
static void avx2_base3_lut(const naive_x *x, int32_t first, uint8_t *table) {
    for (int32_t e = 0; e < 16; e++) {
        const int32_t v = 13 + e;
        int32_t sum_v = 0;
        int32_t sum_u = 0;
        if (v < 27) {
            sum_v = (v % 3 - 1) * activation(x, first) +
                    (v / 3 % 3 - 1) * activation(x, first + 1) +
                    (v / 9 - 1) * activation(x, first + 2);
        }
        if (e < 9) {
            sum_u = (e % 3 - 1) * activation(x, first + 3) + (e / 3 - 1) * activation(x, first + 4);
        }
        const int32_t shift = 12 + 25 * 20; /* makes sums positive */
        table[e] = (uint8_t)((sum_v + shift) % 25 - 12);
        table[16 + e] = (uint8_t)((sum_v + shift) / 25 - 20);
        table[32 + e] = (uint8_t)((sum_u + shift) % 25 - 12);
        table[48 + e] = (uint8_t)((sum_u + shift) / 25 - 20);
    }
}

void naive_lut(const layout_row *layout, uint32_t isa, const naive_x *x, int32_t index,
               uint8_t *table) {
    if (layout->id == LAYOUT_base3 && lw_isa_includes(isa, LW_ISA_neon)) {
        arm_base3_lut(x, index * layout->lut_cols, table);
        return;
    }
    if (layout->id == LAYOUT_base3 && isa == LW_ISA_avx2) {
        avx2_base3_lut(x, index * layout->lut_cols, table);
        return;
    }
    const int32_t entries = layout->lut_bytes / 2;
    for (int32_t e = 0; e < entries; e++) {
        int32_t sum = 0;
        int32_t rest = 121 + e;
        for (int32_t j = 0; j < layout->lut_cols; j++) {
            const int32_t value = activation(x, index * layout->lut_cols + j);
            if (layout->id == LAYOUT_planes) {
                sum += (e >> j & 1) * value;
            } else {
                sum += (rest % 3 - 1) * value;
                rest /= 3;
            }
        }
        if (layout->id == LAYOUT_base3 && e > 121) {
            sum = 0;
        }
        /* planes: base-32 digits of the sum plus 4 * 127; base3: base-36 digits, low one -18..17 */
        const bool planes = layout->id == LAYOUT_planes;
        const int32_t base = planes ? 32 : 36;
        const int32_t stored = planes ? sum + 508 : sum + 18 + 36 * 18; /* positive */
        const int32_t digit_bias = planes ? 0 : 18;
        table[e] = (uint8_t)(stored % base - digit_bias);
        table[entries + e] = (uint8_t)(stored / base - digit_bias);
    }
}
