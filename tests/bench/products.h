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

/* Weights a second of one token, tables included, by `threads` threads that share the tiles and
 * the tables of each product; `cold`: each product reads the next copy, else all read the first. */
double gemv_rate(product *p, const matrix_row *kernel, bool cold, int threads);

/* The same for a split_estimate kernel, given as a row of gemv_rows would be. */
double estimate_rate(product *p, const matrix_row *kernel, bool cold, int threads);

/* Multiply-adds a second of `tokens` tokens (1..MAX_TOKENS) on one thread; `cold` as above. */
double gemm_rate(product *p, const matrix_row *kernel, int32_t tokens, bool cold);

#endif
