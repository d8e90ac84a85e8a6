/* One matrix in many copies, and the speed of its products. */
#ifndef PRODUCTS_H
#define PRODUCTS_H

#include "rows.h"
#include "team.h"

enum { MAX_TOKENS = 128 };

/* What decides how long a measurement takes. */
typedef struct {
    size_t cold_bytes; /* copies of a matrix take more than this together: more than any cache */
    int repeats;       /* timings, of which the best counts */
    bool huge;         /* copies lie on 2 MB pages */
    int max_threads;
} effort;

/* Code width in bits, columns per scale (0: one scale per row) and whether each has a zero point;
 * offset and rounding follow. */
typedef struct {
    int32_t bits;
    int32_t group;
    bool zeros;
} width;

typedef struct {
    lw_matrix w; /* the first copy */
    effort e;
    size_t bytes;      /* codes, scales and zero points of one copy */
    size_t high_bytes; /* of layout split: what an estimate reads */
    size_t stride;     /* from copy to copy */
    size_t copies;
    lw_q8 x;
    uint8_t *lut; /* tables, for each thread its own */
    size_t lut_bytes;
    int32_t luts;
    int32_t tiles;
    float *y;
    lw_split_group *groups; /* of layout split */
    void *scratch;
} product;

/* A matrix of rows x cols random codes, for free_product(); ends the program without memory. */
product make_product(const layout_row *layout, width of, int32_t rows, int32_t cols, effort e);
void free_product(product *p);

/* What is timed: the product for `tokens` tokens (1..MAX_TOKENS) by `threads` threads; `cold`: each
 * product reads the next copy, else all read the first. */
typedef struct {
    int32_t tokens;
    int threads;
    bool cold;
} setting;

/* Multiply-adds a second of a kernel, given as a row of gemv_rows or gemm_rows would be. */
typedef double rate_fn(product *p, const matrix_row *kernel, setting of);

rate_fn gemv_rate;     /* one token, tables included, whose threads share tiles and tables */
rate_fn estimate_rate; /* one token, a kernel of slot split_estimate */
rate_fn gemm_rate;     /* one thread */

#endif
