/* Products of many tokens with a panel of 64 rows, shared by the layouts: every block of six tokens
 * reads the panel once, with `vpdpbusd`.
 *
 *   panel   four vectors of 16 rows; a zmm of one has, in the dword of each row, 4 columns of
 *           8 / width steps, `width` bits each: as packed (fields), or unpacked to one byte a code
 *   x       4 columns of one token, broadcast, used four times
 *   sum     int32, 4 registers of rows x 6 tokens = 24 registers
 *
 * Per step of 4 columns 24 multiplications share 4 loads, 4 shifts and masks, and 6 broadcasts, so
 * the multiplier is the limit, and unpacking a panel first would only cost time where shift and
 * mask give the code. At the end of a group the sums are scaled and added in float32; with one
 * scale per row that happens once.
 */
#ifndef LW_AVX512_GEMM_H
#define LW_AVX512_GEMM_H

#include "panel.h"

/* A panel and where its scales lie. */
typedef struct {
    const lw_matrix *w;
    const lw_panel_reader *reader;
    const uint8_t *codes;
    size_t codes_vector; /* bytes from 16 rows to the next 16 */
    int32_t row;         /* first row */
    int32_t row_end;     /* rows from here on are not written */
    int32_t vectors;     /* groups of 16 rows that the matrix has, padding included */
    size_t scale;        /* element of w->scales for the first row and group */
    size_t scale_vector; /* elements from 16 rows to the next 16 */
    size_t scale_group;  /* elements from group to group */
} lw_panel;

/* Sum of all columns' sums, as lw_sum_start. */
LW_INLINE int32_t lw_row_start(int32_t offset, const int32_t *sums, int32_t cols) {
    const int32_t count = lw_ceil_div(cols, LW_SUM_COLS);
    __m512i sum = _mm512_setzero_si512();
    for (int32_t i = 0; i < count; i += LW_LANES) {
        sum = _mm512_add_epi32(sum, _mm512_maskz_loadu_epi32(lw_lanes(count - i), sums + i));
    }
    return -offset * _mm512_reduce_add_epi32(sum);
}

/* `count` tokens from `token` on, 1 to LW_PANEL_TOKENS. */
static inline void lw_panel_tokens(const lw_panel *p, const lw_q8 *x, int32_t token, int32_t count,
                                   float *y, size_t y_stride) {
    const lw_matrix *w = p->w;
    const size_t sums_stride = (size_t)(x->stride / LW_SUM_COLS);
    const int32_t *sums = x->sums + (size_t)token * sums_stride;
    const int32_t group_cols = w->group != 0 ? w->group : w->cols;
    lw_panel_group g;
    memset(g.acc, 0, sizeof g.acc);
    g.codes_vector = p->codes_vector;
    g.x_stride = (size_t)x->stride;
    for (int32_t t = 0; t < count; t++) { /* what the end of this function writes */
        for (int v = 0; v < p->vectors; v++) {
            __builtin_prefetch(y + (size_t)(token + t) * y_stride + p->row + v * LW_LANES, 1);
        }
    }
    size_t scale = p->scale;
    for (int32_t k = 0; k < w->cols; k += group_cols, scale += p->scale_group) {
        const int32_t end = lw_min_i32(w->cols - k, group_cols) + k;
        g.codes = p->codes + (size_t)(k / p->reader->load_cols) * (size_t)p->reader->load_step;
        g.x = x->codes + (size_t)token * (size_t)x->stride + k;
        g.loads = lw_ceil_div(end - k, p->reader->load_cols);
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            g.scale[v] = v < p->vectors ? lw_scales(w, scale + (size_t)v * p->scale_vector)
                                        : _mm512_setzero_ps();
        }
        for (int32_t t = 0; t < count; t++) {
            const int32_t *of_token = sums + (size_t)t * sums_stride;
            g.start[t] = w->group != 0 ? lw_sum_start(w->offset, of_token, k, end)
                                       : lw_row_start(w->offset, of_token, w->cols);
        }
        p->reader->add_group[count - 1](&g);
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

/* All tokens, in blocks of about the same size: what a block costs besides products counts most
 * when it has few. */
static inline void lw_panel_multiply(const lw_panel *p, const lw_q8 *x, int32_t tokens, float *y,
                                     size_t y_stride) {
    for (int32_t t = 0, count; t < tokens; t += count) {
        count = lw_ceil_div(tokens - t, lw_ceil_div(tokens - t, LW_PANEL_TOKENS));
        lw_panel_tokens(p, x, t, count, y, y_stride);
    }
}

/* The panel that is row tile `tile` of a layout with tiles of 64 rows. */
static inline lw_panel lw_panel_of_tile(const lw_matrix *w, const uint8_t *codes, int32_t tile) {
    const size_t groups = w->group != 0 ? (size_t)lw_ceil_div(w->cols, w->group) : 1;
    return (lw_panel){
        .w = w,
        .reader = &lw_panel_unpacked,
        .codes = codes,
        .codes_vector = 64,
        .row = tile * LW_PANEL_ROWS,
        .row_end = w->rows,
        .vectors = LW_PANEL_VECTORS,
        .scale = (size_t)tile * groups * LW_PANEL_ROWS,
        .scale_vector = LW_LANES,
        .scale_group = LW_PANEL_ROWS,
    };
}

#endif
