/* arm_ours ISA LAYOUT BITS GROUP ROWS COLS TOKENS REPEATS: products by our kernels, tables
 * included, as the runtime chooses them for so many tokens, for arm_counts.py to count. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lutwerk/lutwerk.h"
#include "registry.h"

static const struct {
    const char *name;
    int id, tile_rows, tile_cols, lut_cols, lut_bytes;
} layouts[] = {
#define LW_LAYOUT(id, name, tile_rows, tile_cols, lut_cols, lut_bytes)                             \
    {#name, id, tile_rows, tile_cols, lut_cols, lut_bytes},
#include "lutwerk/layouts.def"
#undef LW_LAYOUT
};

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

static void *filled(size_t bytes, int value) {
    void *memory = aligned_alloc(64, round_up(bytes, 64));
    if (memory == NULL) {
        exit(EXIT_FAILURE);
    }
    return memset(memory, value, round_up(bytes, 64));
}

int main(int argc, char **argv) {
    if (argc != 9) {
        return EXIT_FAILURE;
    }
    uint32_t isa = 0;
    while (isa < LW_ISA_COUNT && strcmp(lw_isa_name(isa), argv[1]) != 0) {
        isa++;
    }
    size_t l = 0;
    while (strcmp(layouts[l].name, argv[2]) != 0) {
        l++;
    }
    const int32_t bits = atoi(argv[3]), group = atoi(argv[4]);
    const int32_t rows = atoi(argv[5]), cols = atoi(argv[6]), tokens = atoi(argv[7]);
    const size_t padded = round_up((size_t)rows, (size_t)layouts[l].tile_rows);
    const size_t groups = group == 0 ? 1 : round_up((size_t)cols, (size_t)group) / (size_t)group;
    const size_t stride = (size_t)lw_q8_stride(cols);
    const lw_matrix w = {
        .codes = filled(padded * (stride + 64) * (size_t)bits / 8, 121),
        .scales = filled(padded * groups * 4, 0x3c),
        .rows = rows,
        .cols = cols,
        .bits = bits,
        .offset = group == 0 ? 1 : 1 << (bits - 1),
        .group = group,
    };
    const size_t many = (size_t)tokens;
    const lw_q8 x = {filled(many * stride, 7), filled(many * stride / 8, 0), filled(many * 4, 0x3c),
                     (int32_t)stride};
    const size_t tables =
        layouts[l].lut_cols == 0 ? 0 : round_up((size_t)cols, 32) / (size_t)layouts[l].lut_cols;
    void *lut = filled(tables * (size_t)layouts[l].lut_bytes + 64, 0);
    void *scratch = filled(lw_gemm_scratch_bytes(cols), 0);
    float *y = filled(many * padded * sizeof *y, 0);
    lw_kernels kernels;
    lw_kernels_select(isa, &kernels);
    const int32_t tiles = (int32_t)(padded / (size_t)layouts[l].tile_rows);
    for (int i = 0; i < atoi(argv[8]); i++) {
        if (tokens > 1 && tokens >= kernels.gemm_tokens[layouts[l].id]) {
            kernels.gemm[layouts[l].id](&w, &x, tokens, y, padded, 0, tiles, scratch);
            continue;
        }
        for (size_t t = 0; t < many; t++) {
            const lw_q8 of_token = {x.codes + t * stride, x.sums + t * (stride / LW_SUM_COLS),
                                    x.scales + t, x.stride};
            if (kernels.lut[layouts[l].id] != NULL) {
                kernels.lut[layouts[l].id](&of_token, lut, 0, (int32_t)tables);
            }
            kernels.gemv[layouts[l].id](&w, &of_token, lut, y + t * padded, 0, tiles);
        }
    }
    printf("%s %g\n", lw_kernels_name(isa, layouts[l].id, (uint32_t)tokens), (double)y[0]);
    return EXIT_SUCCESS;
}
