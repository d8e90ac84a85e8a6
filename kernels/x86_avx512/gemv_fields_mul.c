/* Layout fields, one token: for 16 rows, `vpdpbusd` adds four columns to the 16 int32 lanes of a
 * register.
 *
 *   field     zmm = 16 rows x 4 bytes, each code still at a bit of its byte (fields.h)
 *   x         4 columns, broadcast to every lane, shared by the row tiles in flight
 *   part[i]   sums of the fields at one bit, 2^bit times too large: shifted once per group
 *
 * Four row tiles are in flight to hide the latency of vpdpbusd. They lie a quarter of the range
 * apart, so that memory sees four streams that never jump: the hardware prefetches those by itself,
 * while neighbouring row tiles would be four short streams, new every few pages.
 */
#include "../kernels.h"
#include "fields.h"

#include <string.h>

enum {
    TILES = 4, /* in flight */
    /* Column tiles between shifts when there is one scale per row. No part overflows: a byte is at
     * most 255 wherever its code lies, so a span reaches 8192 * 255 * 127 < 2^28. */
    SPAN = 8192 / LW_FIELDS_COLS,
};

/* Sums of some row tiles over a group, or over a span. */
typedef struct {
    lw_i32x16 part[TILES][LW_FIELD_PARTS];
} tile_sums;

/* One column tile of `count` row tiles, `apart` bytes from one to the next. */
LW_INLINE void add_tile(tile_sums *s, const uint8_t *tile, size_t apart, const int8_t *x,
                        const int bits, const int count) {
#pragma GCC unroll 8
    for (int field = 0; field < LW_FIELDS; field++) {
        const int i = lw_field_part(bits, field);
        int32_t four;
        memcpy(&four, x + field * LW_FIELD_COLS, sizeof four);
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            const __m512i codes = lw_field(tile + (size_t)r * apart, bits, field);
            s->part[r][i] = lw_dot4(s->part[r][i], codes, four);
        }
    }
}

/* The parts of one row tile together. */
LW_INLINE __m512i join_parts(const lw_i32x16 part[LW_FIELD_PARTS], const int bits) {
    __m512i sum = (__m512i)part[0];
#pragma GCC unroll 4
    for (int i = 1; i < lw_field_parts(bits); i++) {
        const unsigned shift = (unsigned)lw_part_shift(bits, i);
        sum = _mm512_add_epi32(sum, _mm512_srai_epi32((__m512i)part[i], shift)); /* exact */
    }
    return sum;
}

/* Row tiles tile, tile + step ..., `count` of them. */
LW_INLINE void gemv_tiles(const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile, int32_t step,
                          const int bits, const int count) {
    const int32_t column_tiles = lw_ceil_div(w->cols, LW_FIELDS_COLS);
    const int32_t span = w->group != 0 ? w->group / LW_FIELDS_COLS : SPAN;
    const size_t groups = w->group != 0 ? (size_t)lw_ceil_div(w->cols, w->group) : 1;
    const size_t tile_bytes = (size_t)LW_FIELDS_VECTOR * (size_t)bits;
    const size_t row_tile_bytes = (size_t)column_tiles * tile_bytes;
    const size_t apart = (size_t)step * row_tile_bytes;
    const size_t scales_apart = (size_t)step * groups * LW_FIELDS_ROWS;
    const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
    const int8_t *xc = x->codes;
    size_t scale = (size_t)tile * groups * LW_FIELDS_ROWS;
    __m512i total[TILES]; /* of a row, with one scale per row */
    __m512 acc[TILES];
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        total[r] = _mm512_setzero_si512();
        acc[r] = _mm512_setzero_ps();
    }
    for (int32_t c = 0; c < column_tiles;) {
        const int32_t end = lw_min_i32(column_tiles - c, span) + c;
        int32_t x_sum = 0;
        tile_sums s;
#pragma GCC unroll 16
        for (int i = 0; i < TILES * LW_FIELD_PARTS; i++) {
            s.part[i / LW_FIELD_PARTS][i % LW_FIELD_PARTS] = (lw_i32x16)_mm512_setzero_si512();
        }
        do {
            add_tile(&s, codes, apart, xc, bits, count);
            x_sum += x->sums[c];
            codes += tile_bytes;
            xc += LW_FIELDS_COLS;
        } while (++c < end);
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            const __m512i start = lw_zero_starts(w, scale + (size_t)r * scales_apart, x_sum);
            const __m512i sum = _mm512_add_epi32(join_parts(s.part[r], bits), start);
            if (w->group == 0) {
                total[r] = _mm512_add_epi32(total[r], sum);
            } else {
                acc[r] = lw_add_scaled(acc[r], lw_scales(w, scale + (size_t)r * scales_apart), sum);
            }
        }
        scale += LW_FIELDS_ROWS;
    }
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        const int32_t row = (tile + r * step) * LW_FIELDS_ROWS;
        if (w->group == 0) {
            acc[r] = lw_add_scaled(acc[r], lw_scales(w, (size_t)row), total[r]);
        }
        lw_store_rows(y, row, w->rows, _mm512_mul_ps(acc[r], _mm512_set1_ps(x->scales[0])));
    }
}

LW_INLINE void gemv(const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile, int32_t tile_end,
                    const int bits) {
    const int32_t step = (tile_end - tile) / TILES;
    for (int32_t i = 0; i < step; i++) {
        gemv_tiles(w, x, y, tile + i, step, bits, TILES);
    }
    for (tile += TILES * step; tile < tile_end; tile++) {
        gemv_tiles(w, x, y, tile, 1, bits, 1);
    }
}

void lw_gemv_fields_mul_avx512(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                               int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    switch (w->bits) {
    case 1:
        gemv(w, x, y, tile_begin, tile_end, 1);
        break;
    case 2:
        gemv(w, x, y, tile_begin, tile_end, 2);
        break;
    case 3:
        gemv(w, x, y, tile_begin, tile_end, 3);
        break;
    case 4:
        gemv(w, x, y, tile_begin, tile_end, 4);
        break;
    case 5:
        gemv(w, x, y, tile_begin, tile_end, 5);
        break;
    case 6:
        gemv(w, x, y, tile_begin, tile_end, 6);
        break;
    case 7:
        gemv(w, x, y, tile_begin, tile_end, 7);
        break;
    default:
        gemv(w, x, y, tile_begin, tile_end, 8);
        break;
    }
}
