/* The definitions of runtime/FORMAT.md once more, written for the reader and independent of
 * kernels/: plain loops, float16 by way of double, matrices as unpacked codes. */
#ifndef NAIVE_H
#define NAIVE_H

#include "harness.h"
#include "rows.h"

/* A matrix before packing. code(n, k) is codes[n * cols + k]; the scale of (n, k) is scales[n *
 * groups + k / group]. */
typedef struct {
    int32_t rows, cols, bits, offset;
    int32_t group; /* 0: one scale per row */
    int32_t groups;
    uint8_t *codes;
    float *scales;   /* exact float16 values when group is not 0 */
    uint8_t *zeros;  /* as scales, or NULL: offset is the zero point */
    uint8_t *dither; /* of layout split alone: of the columns in whole groups of 64 */
} naive_matrix;

/* Activations before padding: codes[t * cols + k], scales[t]. */
typedef struct {
    int32_t tokens, cols;
    int8_t *codes;
    float *scales;
} naive_x;

float naive_fold(const float *terms, int32_t n);
float naive_exp(float x);
float naive_f16_to_f32(uint16_t half);
uint16_t naive_f32_to_f16(float value);

/* Pack by the address formulas into guarded memory. */
lw_matrix naive_pack(const naive_matrix *m, const layout_row *layout, side at);
lw_q8 naive_pack_x(const naive_x *x, side at);

/* Number of lookup tables, and the bytes of table `index` (layout->lut_bytes of them at most) for
 * token 0 as kernels of an instruction set read them; bytes that none reads stay as they are. */
int32_t naive_lut_count(const layout_row *layout, int32_t cols);
void naive_lut(const layout_row *layout, uint32_t isa, const naive_x *x, int32_t index,
               uint8_t *table);

/* What the code in column k of a row stands for, before its scale. */
int32_t naive_value(const naive_matrix *m, int32_t row, int32_t k);
float naive_matmul(const naive_matrix *m, const naive_x *x, int32_t token, int32_t row);

void naive_quantize(const float *x, int32_t n, int8_t *codes, int32_t *sums, float *scale);
void naive_rmsnorm(float *y, const float *x, const float *w, int32_t n, float eps);
/* One token; keys and values as int8 with scales where a->k_scales is not NULL, else as float16. */
void naive_attention(const lw_attention_args *a, float *out);

#endif
