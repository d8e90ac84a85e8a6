#include "../kernels.h"
#include "matmul.h"

void lw_gather_planes_scalar(const lw_matrix *w, int32_t row, float *y) {
    lw_gather_scalar(&lw_layout_planes, w, row, y);
}
