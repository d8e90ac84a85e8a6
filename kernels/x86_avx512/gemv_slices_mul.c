/* Sliced codes times int8: for 16 rows, `vpdpbusd` adds four columns to the 16 int32 lanes of a
 * register.
 *
 *   weights   zmm = 16 rows x 4 bytes; a byte holds fields of one slice for columns k, k+4, k+8 ...
 *   field     zmm & mask, or (zmm >> 4) & mask: a field that stays at bit `pos` of its byte
 *   x         4 columns, broadcast to every lane, shared by the row tiles in flight
 *   part[i]   sums of the fields at bit pos = i * width, 2^pos times too large
 *
 * Leaving fields where they are saves most shifts; a part is shifted once per span instead. Slices
 * of a code are summed one after the other and added with their weight. Four row tiles are in
 * flight to hide the latency of vpdpbusd.
 */
#include "../kernels.h"
#include "matrix.h"

#include <string.h>

enum {
    ROWS = 16,
    COLS = 32,
    VECTOR = 64,
    TILES = 4, /* in flight */
    PARTS = 4,
    /* Columns between shifts when there is one scale per row. No part overflows: 4 columns add at
     * most 4 * 255 * 127 to a lane, and SPAN / 4 times that is below 2^31. */
    SPAN = 8192,
};

/* sum[r] += the slice at bit `low` of the code, of `count` row tiles over `tiles` column tiles. */
LW_INLINE void add_slice(__m512i sum[TILES], const uint8_t *codes, size_t row_tile_bytes,
                         size_t tile_bytes, const int8_t *x, int32_t tiles, int low,
                         const int width, const int count) {
    /* fields of 1 and 2 bits are multiplied in the lower half of the byte, those of 4 in both;
     * two parts of 8-bit codes only shorten the chain of additions */
    const int parts = width == 8 || width == 4 ? 2 : 4 / width;
    const size_t next = (size_t)count * row_tile_bytes; /* to the row tiles that come after */
    lw_i32x16 part[TILES][PARTS];
#pragma GCC unroll 16
    for (int i = 0; i < count * parts; i++) {
        part[i / parts][i % parts] = (lw_i32x16)_mm512_setzero_si512();
    }
    for (int32_t c = 0; c < tiles; c++, codes += tile_bytes, x += COLS) {
#pragma GCC unroll 8
        for (int v = 0; v < width; v++) {
#pragma GCC unroll 4
            for (int r = 0; r < count; r++) {
                const uint8_t *vector = codes + (size_t)r * row_tile_bytes + v * VECTOR;
                const __m512i bytes = _mm512_load_si512((const void *)vector);
                if (width <= 2) { /* wider ones are slow enough for the hardware to keep up */
                    _mm_prefetch((const char *)(vector + next), _MM_HINT_T1);
                }
#pragma GCC unroll 8
                for (int bit = 0; bit < 8; bit += width) {
                    const int pos = width == 4 ? bit : bit % 4;
                    const int i = width == 8 ? v % 2 : pos / width;
                    const __m512i mask = _mm512_set1_epi8((char)(((1 << width) - 1) << pos));
                    const __m512i down = bit == pos ? bytes : _mm512_srli_epi16(bytes, 4);
                    const __m512i field = width == 8 ? bytes : _mm512_and_si512(down, mask);
                    int32_t four;
                    memcpy(&four, x + v * (COLS / width) + bit / width * 4, sizeof four);
                    part[r][i] = lw_dot4(part[r][i], field, four);
                }
            }
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        __m512i slice = (__m512i)part[r][0];
#pragma GCC unroll 4
        for (int i = 1; i < parts; i++) {
            const unsigned pos = width == 8 ? 0 : (unsigned)(i * width);
            slice =
                _mm512_add_epi32(slice, _mm512_srai_epi32((__m512i)part[r][i], pos)); /* exact */
        }
        sum[r] = _mm512_add_epi32(sum[r], _mm512_sll_epi32(slice, _mm_cvtsi32_si128(low)));
    }
}

/* `count` row tiles from `tile` on. */
LW_INLINE void gemv_tiles(const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile,
                          const int count) {
    const int32_t span = w->group != 0 ? w->group : SPAN;
    const size_t groups = w->group != 0 ? (size_t)lw_ceil_div(w->cols, w->group) : 1;
    const size_t tile_bytes = (size_t)VECTOR * (size_t)w->bits;
    const size_t row_tile_bytes = (size_t)lw_ceil_div(w->cols, COLS) * tile_bytes;
    const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
    __m512i total[TILES]; /* of a row, with one scale per row */
    __m512 acc[TILES];
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        total[r] = _mm512_setzero_si512();
        acc[r] = _mm512_setzero_ps();
    }
    size_t scale = (size_t)tile * groups * ROWS;
    for (int32_t k = 0; k < w->cols; k += span) {
        const int32_t end = lw_min_i32(w->cols - k, span) + k;
        const int32_t tiles = lw_ceil_div(end - k, COLS);
        const int8_t *xk = x->codes + k;
        const __m512i start = _mm512_set1_epi32(lw_sum_start(w->offset, x->sums, k, end));
        __m512i sum[TILES];
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            sum[r] = _mm512_add_epi32(total[r], start);
        }
        const uint8_t *slice = codes;
        int low = 0;
        if ((w->bits & 8) != 0) {
            add_slice(sum, slice, row_tile_bytes, tile_bytes, xk, tiles, low, 8, count);
        }
        if ((w->bits & 4) != 0) {
            add_slice(sum, slice, row_tile_bytes, tile_bytes, xk, tiles, low, 4, count);
            slice += 4 * VECTOR;
            low += 4;
        }
        if ((w->bits & 2) != 0) {
            add_slice(sum, slice, row_tile_bytes, tile_bytes, xk, tiles, low, 2, count);
            slice += 2 * VECTOR;
            low += 2;
        }
        if ((w->bits & 1) != 0) {
            add_slice(sum, slice, row_tile_bytes, tile_bytes, xk, tiles, low, 1, count);
        }
        codes += (size_t)tiles * tile_bytes;
        if (w->group == 0) {
#pragma GCC unroll 4
            for (int r = 0; r < count; r++) {
                total[r] = sum[r];
            }
        } else {
#pragma GCC unroll 4
            for (int r = 0; r < count; r++) {
                const __m512 s = lw_scales(w, scale + (size_t)r * groups * ROWS);
                acc[r] = lw_add_scaled(acc[r], s, sum[r]);
            }
            scale += ROWS;
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        const int32_t row = (tile + r) * ROWS;
        if (w->group == 0) {
            acc[r] = lw_add_scaled(acc[r], lw_scales(w, (size_t)row), total[r]);
        }
        lw_store_rows(y, row, w->rows, _mm512_mul_ps(acc[r], _mm512_set1_ps(x->scales[0])));
    }
}

void lw_gemv_slices_mul_avx512(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                               int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    int32_t tile = tile_begin;
    for (; tile + TILES <= tile_end; tile += TILES) {
        gemv_tiles(w, x, y, tile, TILES);
    }
    for (; tile < tile_end; tile++) {
        gemv_tiles(w, x, y, tile, 1);
    }
}
