/* Layout split, one token, by SDOT. */
#include "../arm_neon/gemv_split.h"
#include "../kernels.h"
#include "multiply.h"

void lw_gemv_split_mul_dotprod(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                               int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    lw_gemv_split(w, x, y, tile_begin, tile_end, lw_add_blocks_dotprod);
}
