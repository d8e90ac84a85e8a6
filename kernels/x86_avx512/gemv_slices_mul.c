/* Sliced codes times int8: for 16 rows, `vpdpbusd` adds four columns to the 16 int32 lanes of a
 * register.
 *
 *   weights   zmm = 16 rows x 4 bytes, byte = fields of one slice for columns k, k+4, k+8 ...
 *   field     zmm & mask, or (zmm >> 4) & mask: a field that stays at bit `pos` of its byte
 *   x         4 columns, broadcast to every lane, shared by the row tiles in flight
 *   part[e]   sums of fields that weigh 2^e: a slice that starts at bit `low` of the code,
 *             masked at bit `pos`, weighs 2^(low - pos)
 *
 * Leaving fields where they are saves most shifts; part[e] has a factor 2^pos too much, and is
 * shifted once per span. Four row tiles are in flight to hide the latency of vpdpbusd.
 */
#include "../kernels.h"
#include "matrix.h"

#include <string.h>

enum {
    ROWS = 16,
    COLS = 32,
    VECTOR = 64,
    MAX_TILES = 4,
    /* Columns between shifts when there is one scale per row. No part overflows: 4 columns add at
     * most 4 * 255 * 127 to a lane, and SPAN / 4 times that is below 2^31. */
    SPAN = 8192,
    WEIGHT_MIN = -4, /* e of the upper half of a byte of 4-bit fields */
    PARTS = 12,      /* e up to 6, a 1-bit slice above 4 + 2 bits, and one to spare */
};

/* Bit of the byte at which the field of bits [bit, bit + width) is multiplied: only the upper half
 * of a byte is shifted down, and that of 4-bit fields is not. */
LW_INLINE int field_pos(int width, int bit) {
    return width == 4 ? bit : bit % 4;
}

/* Index of the sum of the fields at bit `pos` of a slice that starts at bit `low` of the code. */
LW_INLINE int part_index(int low, int pos) {
    return low - pos - WEIGHT_MIN;
}

/* The parts that codes of `bits` bits need, as a bit set. */
LW_INLINE unsigned used_parts(const int bits) {
    unsigned used = 0;
    int low = 0;
    for (int width = 8; width > 0; width /= 2) {
        for (int bit = 0; bit < 8 && (bits & width) != 0; bit += width) {
            used |= 1u << part_index(low, field_pos(width, bit));
        }
        low += bits & width;
    }
    return used;
}

/* Add one column tile of `count` row tiles, which lie row_tile_bytes apart. */
LW_INLINE void add_tiles(__m512i part[][PARTS], const uint8_t *codes, size_t row_tile_bytes,
                         const int8_t *x, const int count, const int bits) {
    int low = 0;
#pragma GCC unroll 4
    for (int width = 8; width > 0; width /= 2) {
#pragma GCC unroll 8
        for (int v = 0; v < (bits & width); v++, codes += VECTOR) {
#pragma GCC unroll 4
            for (int r = 0; r < count; r++) {
                const __m512i bytes =
                    _mm512_load_si512((const void *)(codes + (size_t)r * row_tile_bytes));
#pragma GCC unroll 8
                for (int bit = 0; bit < 8; bit += width) {
                    const int pos = field_pos(width, bit);
                    const int mask = ((1 << width) - 1) << pos;
                    const __m512i down = bit == pos ? bytes : _mm512_srli_epi16(bytes, 4);
                    const __m512i field =
                        width == 8 ? bytes : _mm512_and_si512(down, _mm512_set1_epi8((char)mask));
                    int32_t four;
                    memcpy(&four, x + v * (COLS / width) + bit / width * 4, sizeof four);
                    __m512i *sum = &part[r][part_index(low, pos)];
                    *sum = _mm512_dpbusd_epi32(*sum, field, _mm512_set1_epi32(four));
                }
            }
        }
        low += bits & width;
    }
}

/* The parts with their weights; every shift to the right is exact. */
LW_INLINE __m512i sum_parts(__m512i sum, const __m512i part[PARTS], const int bits) {
#pragma GCC unroll 16
    for (int i = 0; i < PARTS; i++) {
        const int e = i + WEIGHT_MIN;
        if ((used_parts(bits) >> i & 1u) != 0) {
            sum = _mm512_add_epi32(sum, e < 0 ? _mm512_srai_epi32(part[i], (unsigned)-e)
                                              : _mm512_slli_epi32(part[i], (unsigned)e));
        }
    }
    return sum;
}

/* `count` row tiles from `tile` on. */
LW_INLINE void gemv_tiles(const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile,
                          const int count, const int bits) {
    const int32_t tiles = lw_ceil_div(w->cols, COLS);
    const int32_t span = w->group != 0 ? w->group : SPAN;
    const size_t groups = w->group != 0 ? (size_t)lw_ceil_div(w->cols, w->group) : 1;
    const size_t tile_bytes = (size_t)(VECTOR * bits);
    const size_t row_tile_bytes = (size_t)tiles * tile_bytes;
    const uint8_t *codes = w->codes + (size_t)tile * row_tile_bytes;
    __m512i total[MAX_TILES]; /* int32 with one scale per row, else float32 */
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        total[r] = _mm512_setzero_si512();
    }
    size_t group = 0;
    for (int32_t k = 0; k < w->cols; group++) {
        const int32_t end = lw_min_i32(w->cols - k, span) + k;
        const __m512i start = lw_sum_start(w->offset, x->sums, k, end);
        __m512i part[MAX_TILES][PARTS];
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
#pragma GCC unroll 16
            for (int i = 0; i < PARTS; i++) {
                part[r][i] = _mm512_setzero_si512();
            }
        }
        for (; k < end; k += COLS, codes += tile_bytes) {
            add_tiles(part, codes, row_tile_bytes, x->codes + k, count, bits);
        }
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            const __m512i sum = sum_parts(start, part[r], bits);
            if (w->group == 0) {
                total[r] = _mm512_add_epi32(total[r], sum);
            } else {
                const __m512 scale = lw_scales(w, ((size_t)(tile + r) * groups + group) * ROWS);
                total[r] =
                    _mm512_castps_si512(lw_add_scaled(_mm512_castsi512_ps(total[r]), scale, sum));
            }
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
        const int32_t row = (tile + r) * ROWS;
        const __m512 acc =
            w->group != 0 ? _mm512_castsi512_ps(total[r])
                          : lw_add_scaled(_mm512_setzero_ps(), lw_scales(w, (size_t)row), total[r]);
        lw_store_rows(y, row, w->rows, _mm512_mul_ps(acc, _mm512_set1_ps(x->scales[0])));
    }
}

LW_INLINE void gemv_bits(const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile, int32_t end,
                         const int bits) {
    const int many = bits == 5 || bits == 7 ? 2 : MAX_TILES; /* as the parts fit the registers */
    for (; tile + many <= end; tile += many) {
        gemv_tiles(w, x, y, tile, many, bits);
    }
    for (; tile < end; tile++) {
        gemv_tiles(w, x, y, tile, 1, bits);
    }
}

void lw_gemv_slices_mul_avx512(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                               int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    switch (w->bits) {
    case 1:
        gemv_bits(w, x, y, tile_begin, tile_end, 1);
        break;
    case 2:
        gemv_bits(w, x, y, tile_begin, tile_end, 2);
        break;
    case 3:
        gemv_bits(w, x, y, tile_begin, tile_end, 3);
        break;
    case 4:
        gemv_bits(w, x, y, tile_begin, tile_end, 4);
        break;
    case 5:
        gemv_bits(w, x, y, tile_begin, tile_end, 5);
        break;
    case 6:
        gemv_bits(w, x, y, tile_begin, tile_end, 6);
        break;
    case 7:
        gemv_bits(w, x, y, tile_begin, tile_end, 7);
        break;
    default:
        gemv_bits(w, x, y, tile_begin, tile_end, 8);
        break;
    }
}
