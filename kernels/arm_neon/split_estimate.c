/* The estimates of layout split, by SMLAL. */
#include "split_estimate.h"
#include "../kernels.h"
#include "tiles.h"

void lw_split_estimate_neon(const lw_matrix *w, const lw_q8 *x, const lw_split_group *groups,
                            float *estimate, float *radius, int32_t tile_begin, int32_t tile_end) {
    lw_split_estimate(w, x, groups, estimate, radius, tile_begin, tile_end, lw_add_tiles_neon);
}
