/* Keys and values of some positions as float32 in the first-level cache, where several tokens read
 * them. Keys lie transposed, a register for each element of 16 keys: the lanes of a fold are then
 * registers, and no additions across lanes are left, nor registers half used by odd sizes.
 */
#ifndef LW_AVX512_ATTENTION_TILE_H
#define LW_AVX512_ATTENTION_TILE_H

#include "attention.h"

enum {
    TILE = 4096, /* floats: half of the first-level cache, the rest is for queries and scores */
    TILE_KEYS = LW_LANES,
    TILE_VALUES = TILE / OUT_DIMS,
    TILE_DIMS = TILE / TILE_KEYS, /* the greatest head_dim that has room */
    TILE_ROWS = 4,                /* queries that share the loads of keys */
};

/* Rows to float32, `dims` elements of each, zeros up to `stride`, a multiple of 16. */
LW_INLINE kv_rows convert(float *tile, size_t stride, const kv_rows *rows, int32_t dims,
                          const kv_form form) {
    for (int32_t row = 0; row < rows->count; row++) {
        for (int32_t d = 0; d < (int32_t)stride; d += LW_LANES) {
            _mm512_store_ps(tile + (size_t)row * stride + d,
                            load(rows, row, d, lw_lanes(dims - d), form));
        }
    }
    return (kv_rows){tile, stride, rows->count};
}

/* 16 x 16 elements. */
LW_INLINE void transpose(__m512 v[LW_LANES]) {
    __m512 a[LW_LANES];
#pragma GCC unroll 4
    for (int i = 0; i < LW_LANES; i += 4) { /* 4 x 4 in each quarter of the registers */
        const __m512 lo01 = _mm512_unpacklo_ps(v[i], v[i + 1]);
        const __m512 hi01 = _mm512_unpackhi_ps(v[i], v[i + 1]);
        const __m512 lo23 = _mm512_unpacklo_ps(v[i + 2], v[i + 3]);
        const __m512 hi23 = _mm512_unpackhi_ps(v[i + 2], v[i + 3]);
        a[i] = _mm512_shuffle_ps(lo01, lo23, 0x44);
        a[i + 1] = _mm512_shuffle_ps(lo01, lo23, 0xee);
        a[i + 2] = _mm512_shuffle_ps(hi01, hi23, 0x44);
        a[i + 3] = _mm512_shuffle_ps(hi01, hi23, 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) { /* 4 x 4 quarters */
        const __m512 even04 = _mm512_shuffle_f32x4(a[i], a[i + 4], 0x88);
        const __m512 odd04 = _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd);
        const __m512 even8c = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0x88);
        const __m512 odd8c = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0xdd);
        v[i] = _mm512_shuffle_f32x4(even04, even8c, 0x88);
        v[i + 4] = _mm512_shuffle_f32x4(odd04, odd8c, 0x88);
        v[i + 8] = _mm512_shuffle_f32x4(even04, even8c, 0xdd);
        v[i + 12] = _mm512_shuffle_f32x4(odd04, odd8c, 0xdd);
    }
}

/* Element d of up to 16 keys at tile[16 * d]; lanes past the last key repeat it. */
LW_INLINE void convert_columns(float *tile, const kv_rows *keys, int32_t dims, const kv_form form) {
    for (int32_t d = 0; d < dims; d += LW_LANES) {
        __m512 v[LW_LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LW_LANES; i++) {
            const int32_t row = i < keys->count ? i : keys->count - 1;
            v[i] = load(keys, row, d, lw_lanes(dims - d), form);
        }
        transpose(v);
#pragma GCC unroll 16
        for (int i = 0; i < LW_LANES; i++) {
            _mm512_store_ps(tile + (size_t)(d + i) * TILE_KEYS, v[i]);
        }
    }
}

/* sum[r] += q_r[d] * element d of the keys. The `first` start the sums, as in attention_dots.h. */
LW_INLINE void add_column(__m512 sum[TILE_ROWS], const float *tile, const float *const q[TILE_ROWS],
                          int32_t d, const bool first) {
    const __m512 k = _mm512_load_ps(tile + (size_t)d * TILE_KEYS);
#pragma GCC unroll 4
    for (int r = 0; r < TILE_ROWS; r++) {
        const __m512 product = _mm512_mul_ps(_mm512_set1_ps(q[r][d]), k);
        sum[r] = first ? product : _mm512_add_ps(sum[r], product);
    }
}

/* scores[r][p] = fold(q_r * k_p) * scale for the 16 columns of a tile. Lanes j and j + 8 of the
 * folds are summed side by side, in an order of j that lets their tree be added as they come. */
LW_INLINE void dots_of_columns(const lw_attention_args *a, const float *tile,
                               const float *const q[TILE_ROWS], float *const scores[TILE_ROWS]) {
    const int32_t dims = a->head_dim;
    __m512 tree[3][TILE_ROWS]; /* sums that wait for their right neighbours, by level */
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        const int j = (i & 1) << 2 | (i & 2) | i >> 2;
        __m512 sum[2][TILE_ROWS];
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            if (j + 8 * half < dims) {
                add_column(sum[half], tile, q, j + 8 * half, true);
            } else {
#pragma GCC unroll 4
                for (int r = 0; r < TILE_ROWS; r++) {
                    sum[half][r] = _mm512_setzero_ps();
                }
            }
        }
        int32_t d = LW_LANES + j;
        for (; d + 8 < dims; d += LW_LANES) {
            add_column(sum[0], tile, q, d, false);
            add_column(sum[1], tile, q, d + 8, false);
        }
        if (d < dims) {
            add_column(sum[0], tile, q, d, false);
        }
#pragma GCC unroll 4
        for (int r = 0; r < TILE_ROWS; r++) {
            __m512 s = _mm512_add_ps(sum[0][r], sum[1][r]);
            int level = 0;
            while (level < 3 && (i >> level & 1) != 0) {
                s = _mm512_add_ps(tree[level++][r], s);
            }
            if (level < 3) {
                tree[level][r] = s;
            } else {
                _mm512_storeu_ps(scores[r], _mm512_mul_ps(s, _mm512_set1_ps(a->scale)));
            }
        }
    }
}

#endif
