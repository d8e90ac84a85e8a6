/* Layout fields, one to four tokens: for 16 rows, `vpdpbusd` adds four columns to the 16 int32
 * lanes of a register.
 *
 *   field     zmm = 16 rows x 4 bytes, each code still at a bit of its byte (fields.h)
 *   x         4 columns of a token, broadcast to every lane, shared by the row tiles in flight
 *   part[i]   sums of the fields at one bit, 2^bit times too large: shifted once per group
 *
 * Several row tiles are in flight to hide the latency of vpdpbusd. They lie an even share of the
 * range apart, so that memory sees streams that never jump: the hardware prefetches those by
 * itself, while neighbouring row tiles would be short streams, new every few pages.
 */
#ifndef LW_AVX512_FIELDS_ROWS_H
#define LW_AVX512_FIELDS_ROWS_H

#include "fields.h"

#include <string.h>

enum {
    LW_ROWS_TILES = 4, /* in flight, at most */
    LW_ROWS_TOKENS = 4,
    LW_ROWS_SUMS = 24, /* registers for sums, at most */
    /* Column tiles between shifts when there is one scale per row. No part overflows: a byte is at
     * most 255 wherever its code lies, so a span reaches 8192 * 255 * 127 < 2^28. */
    LW_ROWS_SPAN = 8192 / LW_FIELDS_COLS,
};

/* Row tiles in flight for codes of a width and a number of tokens. */
LW_INLINE int lw_rows_tiles(const int bits, const int tokens) {
    const int sums = LW_ROWS_SUMS / (lw_field_parts(bits) * tokens);
    return sums >= LW_ROWS_TILES ? LW_ROWS_TILES : sums >= 2 ? 2 : 1;
}

/* Sums over a group, or over a span. */
typedef struct {
    lw_i32x16 part[LW_ROWS_TILES][LW_ROWS_TOKENS][LW_FIELD_PARTS];
} lw_rows_sums;

/* One column tile of `count` row tiles, `apart` bytes from one to the next. */
LW_INLINE void lw_rows_add_tile(lw_rows_sums *s, const uint8_t *tile, size_t apart, const int8_t *x,
                                size_t x_stride, const int bits, const int count,
                                const int tokens) {
    lw_fields_tile tiles[LW_ROWS_TILES];
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        tiles[r] = lw_load_tile(tile + (size_t)r * apart, bits);
    }
#pragma GCC unroll 8
    for (int field = 0; field < LW_FIELDS; field++) {
        const int i = lw_field_part(bits, field);
        int32_t four[LW_ROWS_TOKENS];
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            memcpy(&four[t], x + (size_t)t * x_stride + field * LW_FIELD_COLS, sizeof four[t]);
        }
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            const __m512i codes = lw_field(&tiles[r], bits, field);
#pragma GCC unroll 4
            for (int t = 0; t < tokens; t++) {
                s->part[r][t][i] = lw_dot4(s->part[r][t][i], codes, four[t]);
            }
        }
    }
}

/* The parts of one row tile together. */
LW_INLINE __m512i lw_rows_join(const lw_i32x16 part[LW_FIELD_PARTS], const int bits) {
    __m512i sum = (__m512i)part[0];
#pragma GCC unroll 4
    for (int i = 1; i < lw_field_parts(bits); i++) {
        const unsigned shift = (unsigned)lw_part_shift(bits, i);
        sum = _mm512_add_epi32(sum, _mm512_srai_epi32((__m512i)part[i], shift)); /* exact */
    }
    return sum;
}

/* y of row tiles tile, tile + step ..., `count` of them, for the first `tokens` tokens of x. */
LW_INLINE void lw_rows_multiply(const lw_matrix *w, const lw_q8 *x, float *y, size_t y_stride,
                                int32_t tile, int32_t step, const int bits, const int count,
                                const int tokens) {
    const int32_t column_tiles = lw_ceil_div(w->cols, LW_FIELDS_COLS);
    const int32_t span = w->group != 0 ? w->group / LW_FIELDS_COLS : LW_ROWS_SPAN;
    const size_t groups = w->group != 0 ? (size_t)lw_ceil_div(w->cols, w->group) : 1;
    const size_t tile_bytes = (size_t)LW_FIELDS_VECTOR * (size_t)bits;
    const size_t row_tile_bytes = (size_t)column_tiles * tile_bytes;
    const size_t apart = (size_t)step * row_tile_bytes;
    const size_t scales_apart = (size_t)step * groups * LW_FIELDS_ROWS;
    const size_t sums_stride = (size_t)(x->stride / LW_SUM_COLS);
    const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
    size_t scale = (size_t)tile * groups * LW_FIELDS_ROWS;
    __m512i total[LW_ROWS_TILES][LW_ROWS_TOKENS]; /* of a row, with one scale per row */
    __m512 acc[LW_ROWS_TILES][LW_ROWS_TOKENS];
#pragma GCC unroll 16
    for (int i = 0; i < count * tokens; i++) {
        total[i / tokens][i % tokens] = _mm512_setzero_si512();
        acc[i / tokens][i % tokens] = _mm512_setzero_ps();
    }
    for (int32_t c = 0; c < column_tiles;) {
        const int32_t end = lw_min_i32(column_tiles - c, span) + c;
        int32_t x_sum[LW_ROWS_TOKENS] = {0};
        lw_rows_sums s;
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
#pragma GCC unroll 16
            for (int i = 0; i < tokens * LW_FIELD_PARTS; i++) {
                s.part[r][i / LW_FIELD_PARTS][i % LW_FIELD_PARTS] =
                    (lw_i32x16)_mm512_setzero_si512();
            }
        }
        do {
            lw_rows_add_tile(&s, codes, apart, x->codes + (size_t)c * LW_FIELDS_COLS,
                             (size_t)x->stride, bits, count, tokens);
#pragma GCC unroll 4
            for (int t = 0; t < tokens; t++) {
                x_sum[t] += x->sums[(size_t)t * sums_stride + (size_t)c];
            }
            codes += tile_bytes;
        } while (++c < end);
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            const __m512 of_rows = w->group != 0 ? lw_scales(w, scale + (size_t)r * scales_apart)
                                                 : _mm512_setzero_ps();
#pragma GCC unroll 4
            for (int t = 0; t < tokens; t++) {
                const __m512i start = lw_zero_starts(w, scale + (size_t)r * scales_apart, x_sum[t]);
                const __m512i sum = _mm512_add_epi32(lw_rows_join(s.part[r][t], bits), start);
                if (w->group == 0) {
                    total[r][t] = _mm512_add_epi32(total[r][t], sum);
                } else {
                    acc[r][t] = lw_add_scaled(acc[r][t], of_rows, sum);
                }
            }
        }
        scale += LW_FIELDS_ROWS;
    }
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        const int32_t row = (tile + r * step) * LW_FIELDS_ROWS;
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            if (w->group == 0) {
                acc[r][t] = lw_add_scaled(acc[r][t], lw_scales(w, (size_t)row), total[r][t]);
            }
            lw_store_rows(y + (size_t)t * y_stride, row, w->rows,
                          _mm512_mul_ps(acc[r][t], _mm512_set1_ps(x->scales[t])));
        }
    }
}

#endif
