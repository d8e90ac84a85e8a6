/* Every kernel of this build as data, from the kernels.def tables: the tests walk rows, never
 * names. */
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>

#include "kernels.h"

enum {
#define LW_LAYOUT(id, name, tile_rows, tile_cols, lut_cols, lut_bytes) LAYOUT_##name = id,
#include "lutwerk/layouts.def"
#undef LW_LAYOUT
};

typedef struct {
    int id;
    const char *name;
    int32_t tile_rows;
    int32_t tile_cols;
    int32_t lut_cols;
    int32_t lut_bytes;
} layout_row;

typedef void any_fn(void);

/* A matrix kernel; fn has the type of its table. */
typedef struct {
    const char *name;
    int layout;
    bool uses_lut; /* gemv only */
    uint32_t isa;  /* LW_ISA_* */
    any_fn *fn;
    int32_t tokens; /* gemm only: for fewer, one gemv each is faster */
} matrix_row;

/* A vector kernel; `slot` is the member of lw_kernels. */
typedef struct {
    const char *name;
    const char *slot;
    uint32_t isa;
    any_fn *fn;
} vector_row;

/* Tables end with a row whose name is NULL. */
extern const layout_row layout_rows[];
extern const matrix_row gemv_rows[];
extern const matrix_row lut_rows[];
extern const matrix_row gemm_rows[];
extern const matrix_row gather_rows[];
extern const vector_row vector_rows[];

/* The best LW_ISA_* that this processor and its operating system have. */
uint32_t host_isa(void);

#endif
