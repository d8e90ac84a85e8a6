/* The inner loop of gemm.h: one group of columns of a panel, for 1 to 6 tokens. */
#ifndef LW_AVX512_PANEL_H
#define LW_AVX512_PANEL_H

#include "matrix.h"

#include <string.h>

enum {
    LW_PANEL_ROWS = 64,
    LW_PANEL_VECTORS = LW_PANEL_ROWS / LW_LANES,
    LW_PANEL_STEP = LW_PANEL_ROWS * 4, /* bytes of 4 columns, unpacked */
    LW_PANEL_TOKENS = 6,
};

/* One group of columns for some tokens. */
typedef struct {
    const uint8_t *codes; /* of the group's first step */
    size_t codes_vector;  /* bytes from 16 rows to the next 16 */
    const int8_t *x;      /* of the group's first step and the first token */
    size_t x_stride;
    int32_t loads; /* of a vector; each covers 32 / width columns */
    __m512 scale[LW_PANEL_VECTORS];
    int32_t start[LW_PANEL_TOKENS]; /* see lw_sum_start */
    __m512 acc[LW_PANEL_TOKENS][LW_PANEL_VECTORS];
} lw_panel_group;
typedef void lw_panel_fn(lw_panel_group *g);

/* How the bytes of a panel are read. */
typedef struct {
    lw_panel_fn *add_group[LW_PANEL_TOKENS]; /* for 1, 2, ... tokens */
    int32_t load_cols;                       /* columns of a load */
    int32_t load_step;                       /* bytes from one load of a vector to the next */
} lw_panel_reader;

LW_INLINE void lw_panel_add_group(lw_panel_group *g, const int count, const int width,
                                  const int load_step) {
    lw_i32x16 sum[LW_PANEL_TOKENS][LW_PANEL_VECTORS];
#pragma GCC unroll 6
    for (int t = 0; t < count; t++) {
#pragma GCC unroll 4
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            sum[t][v] = (lw_i32x16)_mm512_set1_epi32(g->start[t]);
        }
    }
    const __m512i mask = _mm512_set1_epi8((char)((1 << width) - 1));
    const uint8_t *at = g->codes;
    const int8_t *x = g->x;
    const size_t x_stride = g->x_stride;
    const size_t codes_vector = g->codes_vector;
    const uint8_t *const end = at + (size_t)g->loads * (size_t)load_step;
    do {
#pragma GCC unroll 8
        for (int bit = 0; bit < 8; bit += width) {
            __m512i codes[LW_PANEL_VECTORS];
#pragma GCC unroll 4
            for (int v = 0; v < LW_PANEL_VECTORS; v++) {
                codes[v] = _mm512_load_si512((const void *)(at + (size_t)v * codes_vector));
                codes[v] = bit > 0 ? _mm512_srli_epi16(codes[v], bit) : codes[v];
                codes[v] = width < 8 ? _mm512_and_si512(codes[v], mask) : codes[v];
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
        at += load_step;
    } while (at != end);
#pragma GCC unroll 6
    for (int t = 0; t < count; t++) {
#pragma GCC unroll 4
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            g->acc[t][v] = lw_add_scaled(g->acc[t][v], g->scale[v], (__m512i)sum[t][v]);
        }
    }
}

/* Not inlined: acc lives in memory, the registers are for the sums. */
#define LW_PANEL_ADD_GROUP(name, count, width, load_step)                                          \
    static __attribute__((noinline)) void name##_##count(lw_panel_group *g) {                      \
        lw_panel_add_group(g, count, width, load_step);                                            \
    }

/* A reader `name` of codes of `width` bits. */
#define LW_PANEL_READER(name, width, step)                                                         \
    LW_PANEL_ADD_GROUP(name, 1, width, step)                                                       \
    LW_PANEL_ADD_GROUP(name, 2, width, step)                                                       \
    LW_PANEL_ADD_GROUP(name, 3, width, step)                                                       \
    LW_PANEL_ADD_GROUP(name, 4, width, step)                                                       \
    LW_PANEL_ADD_GROUP(name, 5, width, step)                                                       \
    LW_PANEL_ADD_GROUP(name, 6, width, step)                                                       \
    static const lw_panel_reader name = {                                                          \
        .add_group = {name##_1, name##_2, name##_3, name##_4, name##_5, name##_6},                 \
        .load_cols = 32 / (width),                                                                 \
        .load_step = step,                                                                         \
    };

/* Unpacked panels: uint8 [columns / 4][64 rows][4 columns]. */
LW_PANEL_READER(lw_panel_unpacked, 8, LW_PANEL_STEP)

#endif
