/* The inner loops of gemm.h: groups of columns of a panel, for 1 to 6 tokens. */
#ifndef LW_AVX512_PANEL_H
#define LW_AVX512_PANEL_H

#include "matrix.h"

#include <string.h>

enum {
    LW_PANEL_ROWS = 64,
    LW_PANEL_VECTORS = LW_PANEL_ROWS / LW_LANES,
    LW_PANEL_STEP = LW_PANEL_ROWS * 4, /* bytes of 4 columns, unpacked */
    LW_PANEL_TOKENS = 6,
    LW_PANEL_GROUPS = 64,
};

/* Some groups of as many columns each, for some tokens. */
typedef struct {
    const lw_matrix *w;
    const uint8_t *codes; /* of the first step */
    size_t codes_vector;  /* bytes from 16 rows to the next 16 */
    const int8_t *x;      /* of the first step and the first token */
    size_t x_stride;
    int32_t blocks;      /* of 32 columns, in a group */
    int32_t groups;      /* at most LW_PANEL_GROUPS */
    int32_t vectors;     /* that have scales; those of the others count as 0 */
    size_t scale;        /* element of w->scales for the first row and group */
    size_t scale_vector; /* elements from 16 rows to the next 16 */
    size_t scale_group;  /* elements from group to group */
    int32_t start[LW_PANEL_TOKENS][LW_PANEL_GROUPS]; /* see lw_group_starts */
    __m512 acc[LW_PANEL_TOKENS][LW_PANEL_VECTORS];
} lw_panel_run;
typedef void lw_panel_fn(lw_panel_run *run);

/* How the bytes of a panel are read: tiles of some fields, each 16 rows x 4 columns. */
typedef struct {
    lw_panel_fn *add_groups[LW_PANEL_TOKENS]; /* for 1, 2, ... tokens */
    int32_t tile_cols;
    int32_t tile_step; /* bytes from tile to tile of the same rows */
} lw_panel_reader;

/* A field of the tile at `tile`, one byte a code. */
typedef __m512i lw_panel_field(const uint8_t *tile, const int field);

LW_INLINE void lw_panel_add_groups(lw_panel_run *run, const int count, lw_panel_field *read,
                                   const int fields, const int tile_step) {
    const uint8_t *at = run->codes;
    const int8_t *x = run->x;
    const size_t x_stride = run->x_stride;
    const size_t codes_vector = run->codes_vector;
    const size_t group_bytes =
        (size_t)(run->blocks * LW_SUM_COLS / (4 * fields)) * (size_t)tile_step;
    size_t scale = run->scale;
    for (int32_t g = 0; g < run->groups; g++, scale += run->scale_group) {
        lw_i32x16 sum[LW_PANEL_TOKENS][LW_PANEL_VECTORS];
#pragma GCC unroll 6
        for (int t = 0; t < count; t++) {
#pragma GCC unroll 4
            for (int v = 0; v < LW_PANEL_VECTORS; v++) {
                sum[t][v] = (lw_i32x16)_mm512_set1_epi32(run->start[t][g]);
            }
        }
        const uint8_t *const end = at + group_bytes;
        do {
#pragma GCC unroll 8
            for (int field = 0; field < fields; field++) {
                __m512i codes[LW_PANEL_VECTORS];
#pragma GCC unroll 4
                for (int v = 0; v < LW_PANEL_VECTORS; v++) {
                    codes[v] = read(at + (size_t)v * codes_vector, field);
                }
#pragma GCC unroll 6
                for (int t = 0; t < count; t++) {
                    int32_t four;
                    memcpy(&four, x + (size_t)t * x_stride, sizeof four);
#pragma GCC unroll 4
                    for (int v = 0; v < LW_PANEL_VECTORS; v++) {
                        sum[t][v] = lw_dot4(sum[t][v], codes[v], four);
                    }
                }
                x += 4;
                /* Steps stay apart: loads moved ahead would need registers that the sums have. */
                __asm__ volatile("" ::: "memory");
            }
            at += tile_step;
        } while (at != end);
#pragma GCC unroll 4
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            const __m512 of_rows = v < run->vectors
                                       ? lw_scales(run->w, scale + (size_t)v * run->scale_vector)
                                       : _mm512_setzero_ps();
#pragma GCC unroll 6
            for (int t = 0; t < count; t++) {
                run->acc[t][v] = lw_add_scaled(run->acc[t][v], of_rows, (__m512i)sum[t][v]);
            }
        }
    }
}

/* Not inlined: acc lives in memory, the registers are for the sums. */
#define LW_PANEL_ADD_GROUPS(name, count, read, fields, step)                                       \
    static __attribute__((noinline)) void name##_##count(lw_panel_run *run) {                      \
        lw_panel_add_groups(run, count, read, fields, step);                                       \
    }

/* A reader `name` of tiles of `fields` fields, `step` bytes apart. */
#define LW_PANEL_READER(name, read, fields, step)                                                  \
    LW_PANEL_ADD_GROUPS(name, 1, read, fields, step)                                               \
    LW_PANEL_ADD_GROUPS(name, 2, read, fields, step)                                               \
    LW_PANEL_ADD_GROUPS(name, 3, read, fields, step)                                               \
    LW_PANEL_ADD_GROUPS(name, 4, read, fields, step)                                               \
    LW_PANEL_ADD_GROUPS(name, 5, read, fields, step)                                               \
    LW_PANEL_ADD_GROUPS(name, 6, read, fields, step)                                               \
    static const lw_panel_reader name = {                                                          \
        .add_groups = {name##_1, name##_2, name##_3, name##_4, name##_5, name##_6},                \
        .tile_cols = 4 * (fields),                                                                 \
        .tile_step = step,                                                                         \
    };

/* Unpacked panels: uint8 [columns / 4][64 rows][4 columns]. */
LW_INLINE __m512i lw_panel_unpacked_field(const uint8_t *tile, const int field) {
    (void)field;
    return _mm512_load_si512((const void *)tile);
}
LW_PANEL_READER(lw_panel_unpacked, lw_panel_unpacked_field, 1, LW_PANEL_STEP)

#endif
