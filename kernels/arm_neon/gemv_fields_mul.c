/* Layout fields, one token, by SMLAL. */
#include "../kernels.h"
#include "gemv_fields.h"
#include "tiles.h"

void lw_gemv_fields_mul_neon(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                             int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    lw_gemv_fields(w, x, y, tile_begin, tile_end, lw_add_tiles_neon);
}
