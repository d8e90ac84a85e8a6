/* Layout base3, many tokens, by SMMLA. */
#include "../arm_neon/gemm_base3.h"
#include "../kernels.h"
#include "multiply.h"

void lw_gemm_base3_mul_i8mm(const lw_matrix *w, const lw_q8 *x, int32_t tokens, float *y,
                            size_t y_stride, int32_t tile_begin, int32_t tile_end, void *scratch) {
    lw_gemm_base3(w, x, tokens, y, y_stride, tile_begin, tile_end, scratch, lw_multiply_rows_i8mm);
}
