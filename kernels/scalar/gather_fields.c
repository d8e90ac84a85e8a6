#include "../kernels.h"
#include "matmul.h"

void lw_gather_fields_scalar(const lw_matrix *w, int32_t row, float *y) {
    lw_gather_scalar(&lw_layout_fields, w, row, y);
}
