/* Layout fields, one token: for 16 rows, `vpdpbusd` adds four columns to the 16 int32 lanes of a
 * register.
 *
 *   field     zmm = 16 rows x 4 bytes, each code still at a bit of its byte (fields.h)
 *   x         4 columns, broadcast to every lane, shared by the row tiles in flight
 *   part[i]   sums of the fields at one bit, 2^bit times too large: shifted once per group
 *
 * Four row tiles are in flight to hide the latency of vpdpbusd.
 */
#include "../kernels.h"
#include "fields.h"

#include <string.h>

enum {
    TILES = 4, /* in flight */
    /* Columns between shifts when there is one scale per row. No part overflows: a byte is at most
     * 255 wherever its code lies, so SPAN columns reach 8192 * 255 * 127 < 2^28. */
    SPAN = 8192,
};

/* The sums of some row tiles over a group, or over a span. */
typedef struct {
    lw_i32x16 part[TILES][LW_FIELD_PARTS];
} group_sums;

/* One column tile of `count` row tiles; all but the pointers are constants. */
LW_INLINE void add_tile(group_sums *s, const uint8_t *tile, size_t row_tile_bytes, const int8_t *x,
                        const int bits, const int count) {
#pragma GCC unroll 8
    for (int field = 0; field < LW_FIELDS; field++) {
        int32_t four;
        memcpy(&four, x + field * LW_FIELD_COLS, sizeof four);
        const int i = lw_field_part(bits, field);
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            s->part[r][i] = lw_dot4(s->part[r][i],
                                    lw_field(tile + (size_t)r * row_tile_bytes, bits, field), four);
        }
    }
}

/* `count` row tiles from `tile` on. */
LW_INLINE void gemv_tiles(const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile,
                          const int bits, const int count) {
    const int32_t span = w->group != 0 ? w->group : SPAN;
    const size_t groups = w->group != 0 ? (size_t)lw_ceil_div(w->cols, w->group) : 1;
    const size_t tile_bytes = (size_t)LW_FIELDS_VECTOR * (size_t)bits;
    const size_t row_tile_bytes = (size_t)lw_ceil_div(w->cols, LW_FIELDS_COLS) * tile_bytes;
    const size_t next = (size_t)count * row_tile_bytes; /* to the row tiles that come after */
    const int parts = lw_field_parts(bits);
    const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
    __m512i total[TILES]; /* of a row, with one scale per row */
    __m512 acc[TILES];
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        total[r] = _mm512_setzero_si512();
        acc[r] = _mm512_setzero_ps();
    }
    size_t scale = (size_t)tile * groups * LW_FIELDS_ROWS;
    for (int32_t k = 0; k < w->cols; k += span) {
        const int32_t end = lw_min_i32(w->cols - k, span) + k;
        const __m512i start = _mm512_set1_epi32(lw_sum_start(w->offset, x->sums, k, end));
        group_sums s;
#pragma GCC unroll 16
        for (int i = 0; i < count * parts; i++) {
            s.part[i / parts][i % parts] = (lw_i32x16)_mm512_setzero_si512();
        }
        for (int32_t c = k; c < end; c += LW_FIELDS_COLS, codes += tile_bytes) {
#pragma GCC unroll 32
            for (int i = 0; i < count * bits; i++) {
                _mm_prefetch((const char *)(codes + (size_t)(i / bits) * row_tile_bytes + next +
                                            i % bits * LW_FIELDS_VECTOR),
                             _MM_HINT_T1);
            }
            add_tile(&s, codes, row_tile_bytes, x->codes + c, bits, count);
        }
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            __m512i sum = _mm512_add_epi32((__m512i)s.part[r][0], start);
#pragma GCC unroll 4
            for (int i = 1; i < parts; i++) {
                const unsigned shift = (unsigned)lw_part_shift(bits, i);
                sum = _mm512_add_epi32(sum, _mm512_srai_epi32((__m512i)s.part[r][i], shift));
            }
            if (w->group == 0) {
                total[r] = _mm512_add_epi32(total[r], sum);
            } else {
                const __m512 of_rows = lw_scales(w, scale + (size_t)r * groups * LW_FIELDS_ROWS);
                acc[r] = lw_add_scaled(acc[r], of_rows, sum);
            }
        }
        scale += LW_FIELDS_ROWS;
    }
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        const int32_t row = (tile + r) * LW_FIELDS_ROWS;
        if (w->group == 0) {
            acc[r] = lw_add_scaled(acc[r], lw_scales(w, (size_t)row), total[r]);
        }
        lw_store_rows(y, row, w->rows, _mm512_mul_ps(acc[r], _mm512_set1_ps(x->scales[0])));
    }
}

LW_INLINE void gemv(const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile, int32_t tile_end,
                    const int bits) {
    for (; tile + TILES <= tile_end; tile += TILES) {
        gemv_tiles(w, x, y, tile, bits, TILES);
    }
    for (; tile < tile_end; tile++) {
        gemv_tiles(w, x, y, tile, bits, 1);
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
