#include "../kernels.h"
#include "matmul.h"

void lw_gemv_fields_mul_scalar(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                               int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    lw_gemv_scalar(&lw_layout_fields, w, x, y, tile_begin, tile_end);
}
