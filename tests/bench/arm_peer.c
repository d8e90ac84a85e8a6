/* arm_peer TYPE ROWS COLS REPEATS: products of one token by llama.cpp's ARM kernels, activations
 * already quantised, for arm_counts.py to count. The prototypes are those of ggml-cpu. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void vec_dot_fn(int n, float *s, size_t bs, const void *x, size_t bx, const void *y,
                        size_t by, int nrc);
typedef void gemv_fn(int n, float *s, size_t bs, const void *x, const void *y, int nr, int nc);
vec_dot_fn ggml_vec_dot_tq1_0_q8_K, ggml_vec_dot_tq2_0_q8_K, ggml_vec_dot_q4_0_q8_0;
gemv_fn ggml_gemv_q4_0_4x4_q8_0;

static const struct {
    const char *name;
    vec_dot_fn *vec_dot;
    gemv_fn *gemv; /* of rows interleaved by four */
    size_t block, bytes;
} types[] = {
    {"TQ1_0", ggml_vec_dot_tq1_0_q8_K, NULL, 256, 54},
    {"TQ2_0", ggml_vec_dot_tq2_0_q8_K, NULL, 256, 66},
    {"Q4_0", ggml_vec_dot_q4_0_q8_0, NULL, 32, 18},
    {"Q4_0_4x4", NULL, ggml_gemv_q4_0_4x4_q8_0, 32, 18},
};

static void *filled(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (memory == NULL) {
        exit(EXIT_FAILURE);
    }
    return memset(memory, 0x11, bytes);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        return EXIT_FAILURE;
    }
    size_t t = 0;
    while (strcmp(types[t].name, argv[1]) != 0) {
        t++;
    }
    const size_t rows = (size_t)atoi(argv[2]), cols = (size_t)atoi(argv[3]);
    const size_t row_bytes = cols / types[t].block * types[t].bytes;
    const char *weights = filled(rows * row_bytes);
    const void *x = filled(2 * cols); /* no block of activations takes more */
    float *y = filled(rows * sizeof *y);
    for (int i = 0; i < atoi(argv[4]); i++) {
        if (types[t].gemv != NULL) {
            types[t].gemv((int)cols, y, rows, weights, x, 1, (int)rows);
        }
        for (size_t n = 0; n < rows && types[t].gemv == NULL; n++) {
            types[t].vec_dot((int)cols, y + n, 0, weights + n * row_bytes, 0, x, 0, 1);
        }
    }
    printf("%s %g\n", types[t].name, (double)y[0]);
    return EXIT_SUCCESS;
}
