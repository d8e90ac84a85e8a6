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
    /* see lw_group_starts; with zero points for a zero of 1 */
    int32_t start[LW_PANEL_TOKENS][LW_PANEL_GROUPS];
    __m512 acc[LW_PANEL_TOKENS][LW_PANEL_VECTORS];
} lw_panel_run;
typedef void lw_panel_fn(lw_panel_run *run);

/* How the bytes of a panel are read. */
typedef struct {
    lw_panel_fn *add_groups[LW_PANEL_TOKENS]; /* for 1, 2, ... tokens */
    int32_t width;                            /* bits of a code */
    int32_t load_step;                        /* bytes from one load of a vector to the next */
} lw_panel_reader;

LW_INLINE void lw_panel_add_groups(lw_panel_run *run, const int count, const int width,
                                   const int load_step) {
    const int up = width == 1; /* codes of 1 bit become 0 and 2 */
    const __m512i mask = _mm512_set1_epi8((char)(((1 << width) - 1) << up));
    const uint8_t *at = run->codes;
    const int8_t *x = run->x;
    const size_t x_stride = run->x_stride;
    const size_t codes_vector = run->codes_vector;
    const size_t group_bytes = (size_t)(run->blocks * width) * (size_t)load_step;
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
        if (run->w->zeros != NULL) {
#pragma GCC unroll 4
            for (int v = 0; v < LW_PANEL_VECTORS; v++) {
                const size_t first = scale + (size_t)(v < run->vectors ? v : 0) * run->scale_vector;
                const __m512i zeros = lw_zeros(run->w, first);
#pragma GCC unroll 6
                for (int t = 0; t < count; t++) { /* words: the upper ones of zeros are 0 */
                    sum[t][v] = (lw_i32x16)_mm512_madd_epi16(zeros, (__m512i)sum[t][v]);
                }
            }
        }
        const uint8_t *const end = at + group_bytes;
        do {
#pragma GCC unroll 8
            for (int bit = 0; bit < 8; bit += width) {
                __m512i codes[LW_PANEL_VECTORS];
#pragma GCC unroll 4
                for (int v = 0; v < LW_PANEL_VECTORS; v++) {
                    codes[v] = _mm512_load_si512((const void *)(at + (size_t)v * codes_vector));
                    codes[v] = bit > up   ? _mm512_srli_epi16(codes[v], bit - up)
                               : bit < up ? _mm512_slli_epi16(codes[v], up - bit)
                                          : codes[v];
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
#define LW_PANEL_ADD_GROUPS(name, count, width, load_step)                                         \
    static __attribute__((noinline)) void name##_##count(lw_panel_run *run) {                      \
        lw_panel_add_groups(run, count, width, load_step);                                         \
    }

/* A reader `name` of codes of so many bits. */
#define LW_PANEL_READER(name, bits, step)                                                          \
    LW_PANEL_ADD_GROUPS(name, 1, bits, step)                                                       \
    LW_PANEL_ADD_GROUPS(name, 2, bits, step)                                                       \
    LW_PANEL_ADD_GROUPS(name, 3, bits, step)                                                       \
    LW_PANEL_ADD_GROUPS(name, 4, bits, step)                                                       \
    LW_PANEL_ADD_GROUPS(name, 5, bits, step)                                                       \
    LW_PANEL_ADD_GROUPS(name, 6, bits, step)                                                       \
    static const lw_panel_reader name = {                                                          \
        .add_groups = {name##_1, name##_2, name##_3, name##_4, name##_5, name##_6},                \
        .width = bits,                                                                             \
        .load_step = step,                                                                         \
    };

/* Unpacked panels: uint8 [columns / 4][64 rows][4 columns]. */
LW_PANEL_READER(lw_panel_unpacked, 8, LW_PANEL_STEP)

#endif
