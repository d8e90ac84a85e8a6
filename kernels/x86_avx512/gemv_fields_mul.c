/* Layout fields, one token (fields_rows.h). */
#include "../kernels.h"
#include "fields_rows.h"

LW_INLINE void gemv(const lw_matrix *w, const lw_q8 *x, float *y, int32_t tile, int32_t tile_end,
                    const int bits) {
    const int32_t step = (tile_end - tile) / LW_ROWS_TILES;
    for (int32_t i = 0; i < step; i++) {
        lw_rows_multiply(w, x, y, 0, tile + i, step, bits, LW_ROWS_TILES, 1);
    }
    for (tile += LW_ROWS_TILES * step; tile < tile_end; tile++) {
        lw_rows_multiply(w, x, y, 0, tile, 1, bits, 1, 1);
    }
}

void lw_gemv_fields_mul_avx512(const lw_matrix *w, const lw_q8 *x, const void *lut, float *y,
                               int32_t tile_begin, int32_t tile_end) {
    (void)lut;
    switch (w->bits) {
    case 1:
        gemv(w, x, y, tile_begin, tile_end, 1);
        break;
    case 2:
        gemv(w, x, y, tile_begin, tile_end, 2);
        break;
    case 3:
        gemv(w, x, y, tile_begin, tile_end, 3);
        break;
    case 4:
        gemv(w, x, y, tile_begin, tile_end, 4);
        break;
    case 5:
        gemv(w, x, y, tile_begin, tile_end, 5);
        break;
    case 6:
        gemv(w, x, y, tile_begin, tile_end, 6);
        break;
    case 7:
        gemv(w, x, y, tile_begin, tile_end, 7);
        break;
    default:
        gemv(w, x, y, tile_begin, tile_end, 8);
        break;
    }
}
