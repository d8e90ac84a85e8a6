/* Layout split, many tokens, by SMMLA. */
#include "../arm_neon/gemm_split.h"
#include "../kernels.h"
#include "multiply.h"

void lw_gemm_split_mul_i8mm(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                            size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    lw_gemm_split(w, x, tokens, y, y_stride, tile_begin, tile_end, scratch, lw_multiply_rows_i8mm);
}
