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
 * mask give the code. At the end of a group the sums are scaled and added to acc, which lies in
 * memory, in float32; with one scale per row that happens once.
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

/* start[g] = -offset * the sum of x over group g, so that a sum of unsigned codes that starts there
 * ends as the sum of signed values. `count` sums of 32 columns in groups of `blocks`; writes whole
 * 16 / blocks elements where a group is 1, 2 or 4 sums. */
static inline void lw_group_starts(int32_t *start, int32_t offset, const int32_t *sums,
                                   int32_t blocks, int32_t count) {
    if (blocks == 1 || blocks == 2 || blocks == 4) {
        for (int32_t i = 0; i < count; i += LW_LANES, start += LW_LANES / blocks) {
            __m512i sum = _mm512_maskz_loadu_epi32(lw_lanes(count - i), sums + i);
            for (int32_t joined = 1; joined < blocks; joined *= 2) { /* neighbours, half as many */
                sum = _mm512_add_epi32(sum, _mm512_srli_epi64(sum, 32));
                sum = _mm512_zextsi256_si512(_mm512_cvtepi64_epi32(sum));
            }
            sum = _mm512_mullo_epi32(sum, _mm512_set1_epi32(-offset));
            _mm512_mask_storeu_epi32(start, lw_lanes(LW_LANES / blocks), sum);
        }
        return;
    }
    for (int32_t begin = 0; begin < count; begin += blocks, start++) {
        const int32_t end = lw_min_i32(begin + blocks, count);
        __m512i sum = _mm512_setzero_si512();
        for (int32_t i = begin; i < end; i += LW_LANES) {
            sum = _mm512_add_epi32(sum, _mm512_maskz_loadu_epi32(lw_lanes(end - i), sums + i));
        }
        *start = -offset * _mm512_reduce_add_epi32(sum);
    }
}

/* `count` tokens from `token` on, 1 to LW_PANEL_TOKENS. */
static inline void lw_panel_tokens(const lw_panel *p, const lw_q8 *x, int32_t token, int32_t count,
                                   float *y, size_t y_stride) {
    const lw_matrix *w = p->w;
    const size_t sums_stride = (size_t)(x->stride / LW_SUM_COLS);
    const int32_t *sums = x->sums + (size_t)token * sums_stride;
    const int32_t group_cols = w->group != 0 ? w->group : w->cols;
    lw_panel_run run = {.w = w,
                        .codes_vector = p->codes_vector,
                        .x_stride = (size_t)x->stride,
                        .vectors = p->vectors,
                        .scale = p->scale,
                        .scale_vector = p->scale_vector,
                        .scale_group = p->scale_group};
    for (int32_t t = 0; t < count; t++) { /* what the end of this function writes */
        for (int v = 0; v < p->vectors; v++) {
            __builtin_prefetch(y + (size_t)(token + t) * y_stride + p->row + v * LW_LANES, 1);
        }
    }
    for (int32_t k = 0; k < w->cols; k += run.groups * group_cols) {
        const int32_t left = w->cols - k;
        const int32_t cols = lw_min_i32(left, group_cols); /* the last group may have fewer */
        const size_t block = (size_t)(k / LW_SUM_COLS);
        run.groups = lw_min_i32(left / cols, LW_PANEL_GROUPS);
        run.blocks = lw_ceil_div(cols, LW_SUM_COLS);
        run.codes = p->codes + block * (size_t)p->reader->width * (size_t)p->reader->load_step;
        run.x = x->codes + (size_t)token * (size_t)x->stride + k;
        for (int32_t t = 0; t < count; t++) {
            lw_group_starts(run.start[t], w->zeros ? 1 : w->offset,
                            sums + (size_t)t * sums_stride + block, run.blocks,
                            run.blocks * run.groups);
        }
        p->reader->add_groups[count - 1](&run);
        run.scale += (size_t)run.groups * p->scale_group;
    }
    for (int32_t t = 0; t < count; t++) {
        float *yt = y + (size_t)(token + t) * y_stride;
        const __m512 x_scale = _mm512_set1_ps(x->scales[token + t]);
        for (int v = 0; v < LW_PANEL_VECTORS; v++) {
            lw_store_rows(yt, p->row + v * LW_LANES, p->row_end,
                          _mm512_mul_ps(run.acc[t][v], x_scale));
        }
    }
}

/* All tokens; what is left for the last two blocks is shared evenly, since a block of one or two
 * tokens takes as many loads as one of six. */
static inline void lw_panel_multiply(const lw_panel *p, const lw_q8 *x, int32_t tokens, float *y,
                                     size_t y_stride) {
    for (int32_t t = 0, count; t < tokens; t += count) {
        const int32_t left = tokens - t;
        count = left > LW_PANEL_TOKENS && left < 2 * LW_PANEL_TOKENS
                    ? lw_ceil_div(left, 2)
                    : lw_min_i32(left, LW_PANEL_TOKENS);
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
