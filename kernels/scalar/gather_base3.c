#include "../kernels.h"
#include "matmul.h"

void lw_gather_base3_scalar(const lw_matrix *w, int32_t row, float *y) {
    lw_gather_scalar(&lw_layout_base3, w, row, y);
}
