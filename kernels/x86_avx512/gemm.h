/* Products of many tokens with a panel of 64 rows, shared by the layouts: a panel is unpacked once
 * to one byte a code, then every block of six tokens reads it with `vpdpbusd`.
 *
 *   panel   uint8 [columns / 4][64 rows][4 columns]: four zmm per step of 4 columns
 *   x       4 columns of one token, broadcast, used four times
 *   sum     int32, 4 registers of rows x 6 tokens = 24 registers
 *
 * Per step 24 multiplications share 4 loads and 6 broadcasts, so the multiplier is the limit. At
 * the end of a group the sums are scaled and added in float32; with one scale per row that happens
 * once.
 */
#ifndef LW_AVX512_GEMM_H
#define LW_AVX512_GEMM_H

#include "matrix.h"

#include <string.h>

enum {
    LW_PANEL_ROWS = 64,
    LW_PANEL_VECTORS = LW_PANEL_ROWS / LW_LANES,
    LW_PANEL_STEP = LW_PANEL_ROWS * 4, /* bytes of 4 columns */
    LW_PANEL_TOKENS = 6,
};

/* A panel and where its scales lie. */
typedef struct {
    const lw_matrix *w;
    const uint8_t *codes;
    int32_t row;         /* first row */
    int32_t row_end;     /* rows from here on are not written */
    int32_t vectors;     /* groups of 16 rows that the matrix has, padding included */
    size_t scale;        /* element of w->scales for the first row and group */
    size_t scale_vector; /* elements from 16 rows to the next 16 */
    size_t scale_group;  /* elements from group to group */
} lw_panel;

/* One group of columns for some tokens. */
typedef struct {
    const uint8_t *codes; /* of the group's first step */
    const int8_t *x;      /* likewise, of the first token */
    size_t x_stride;
    int32_t steps;
    __m512 scale[LW_PANEL_VECTORS];
    int32_t start[LW_PANEL_TOKENS]; /* see lw_sum_start */
    __m512 acc[LW_PANEL_TOKENS][LW_PANEL_VECTORS];
} lw_panel_group;

LW_INLINE void lw_panel_add_group(lw_panel_group *g, const int count) {
    lw_i32x16 sum[LW_PANEL_TOKENS][LW_PANEL_VECTORS];
#pragma GCC unroll 6
    for (int t = 0; t < count; t++) {
#pragma GCC unroll 4
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            sum[t][v] = (lw_i32x16)_mm512_set1_epi32(g->start[t]);
        }
    }
    const uint8_t *step = g->codes;
    const int8_t *x = g->x;
    const size_t x_stride = g->x_stride;
    const uint8_t *const end = step + (size_t)g->steps * LW_PANEL_STEP;
    do {
        __m512i codes[LW_PANEL_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            codes[v] = _mm512_load_si512((const void *)(step + v * 64));
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
        step += LW_PANEL_STEP;
        x += 4;
    } while (step != end);
#pragma GCC unroll 6
    for (int t = 0; t < count; t++) {
#pragma GCC unroll 4
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            g->acc[t][v] = lw_add_scaled(g->acc[t][v], g->scale[v], (__m512i)sum[t][v]);
        }
    }
}

/* Not inlined: acc lives in memory, the registers are for the sums. */
#define LW_PANEL_ADD_GROUP(count)                                                                  \
    static __attribute__((noinline)) void lw_panel_add_group_##count(lw_panel_group *g) {          \
        lw_panel_add_group(g, count);                                                              \
    }
LW_PANEL_ADD_GROUP(1)
LW_PANEL_ADD_GROUP(2)
LW_PANEL_ADD_GROUP(3)
LW_PANEL_ADD_GROUP(4)
LW_PANEL_ADD_GROUP(5)
LW_PANEL_ADD_GROUP(6)
#undef LW_PANEL_ADD_GROUP

/* `count` tokens from `token` on, 1 to LW_PANEL_TOKENS. */
static inline void lw_panel_tokens(const lw_panel *p, const lw_q8 *x, int32_t token, int32_t count,
                                   float *y, size_t y_stride) {
    static void (*const add_group[])(lw_panel_group *) = {
        lw_panel_add_group_1, lw_panel_add_group_2, lw_panel_add_group_3,
        lw_panel_add_group_4, lw_panel_add_group_5, lw_panel_add_group_6,
    };
    const lw_matrix *w = p->w;
    const size_t sums_stride = (size_t)(x->stride / LW_SUM_COLS);
    const int32_t *sums = x->sums + (size_t)token * sums_stride;
    const int32_t group_cols = w->group != 0 ? w->group : w->cols;
    lw_panel_group g;
    memset(g.acc, 0, sizeof g.acc);
    g.x_stride = (size_t)x->stride;
    size_t scale = p->scale;
    for (int32_t k = 0; k < w->cols; k += group_cols, scale += p->scale_group) {
        const int32_t end = lw_min_i32(w->cols - k, group_cols) + k;
        g.codes = p->codes + (size_t)(k / 4) * LW_PANEL_STEP;
        g.x = x->codes + (size_t)token * (size_t)x->stride + k;
        g.steps = lw_ceil_div(end - k, 4);
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            g.scale[v] = v < p->vectors ? lw_scales(w, scale + (size_t)v * p->scale_vector)
                                        : _mm512_setzero_ps();
        }
        for (int32_t t = 0; t < count; t++) {
            g.start[t] = lw_sum_start(w->offset, sums + (size_t)t * sums_stride, k, end);
        }
        add_group[count - 1](&g);
    }
    for (int32_t t = 0; t < count; t++) {
        float *yt = y + (size_t)(token + t) * y_stride;
        const __m512 x_scale = _mm512_set1_ps(x->scales[token + t]);
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            lw_store_rows(yt, p->row + v * LW_LANES, p->row_end,
                          _mm512_mul_ps(g.acc[t][v], x_scale));
        }
    }
}

/* All tokens. */
static inline void lw_panel_multiply(const lw_panel *p, const lw_q8 *x, int32_t tokens, float *y,
                                     size_t y_stride) {
    for (int32_t t = 0; t < tokens; t += LW_PANEL_TOKENS) {
        lw_panel_tokens(p, x, t, lw_min_i32(LW_PANEL_TOKENS, tokens - t), y, y_stride);
    }
}

/* The panel that is row tile `tile` of a layout with tiles of 64 rows. */
static inline lw_panel lw_panel_of_tile(const lw_matrix *w, const uint8_t *codes, int32_t tile) {
    const size_t groups = w->group != 0 ? (size_t)lw_ceil_div(w->cols, w->group) : 1;
    return (lw_panel){
        .w = w,
        .codes = codes,
        .row = tile * LW_PANEL_ROWS,
        .row_end = w->rows,
        .vectors = LW_PANEL_VECTORS,
        .scale = (size_t)tile * groups * LW_PANEL_ROWS,
        .scale_vector = LW_LANES,
        .scale_group = LW_PANEL_ROWS,
    };
}

#endif
