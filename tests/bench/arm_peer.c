/* arm_peer TYPE ROWS COLS TOKENS REPEATS: products by llama.cpp's ARM kernels as llama.cpp calls
 * them for so many tokens (a multiple of 4, or 1), activations already quantised and interleaved,
 * for arm_counts.py to count. The prototypes are those of ggml-cpu. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void vec_dot_fn(int n, float *s, size_t bs, const void *x, size_t bx, const void *y,
                        size_t by, int nrc);
typedef void repacked_fn(int n, float *s, size_t bs, const void *x, const void *y, int nr, int nc);
vec_dot_fn ggml_vec_dot_tq1_0_q8_K, ggml_vec_dot_tq2_0_q8_K, ggml_vec_dot_q4_0_q8_0;
repacked_fn ggml_gemv_q4_0_4x4_q8_0, ggml_gemm_q4_0_4x4_q8_0;
repacked_fn ggml_gemv_q4_0_4x8_q8_0, ggml_gemm_q4_0_4x8_q8_0;

static const struct {
    const char *name;
    vec_dot_fn *vec_dot;
    repacked_fn *gemv, *gemm; /* of rows interleaved by four; gemm: of four tokens, too */
    size_t block, bytes;
} types[] = {
    {"TQ1_0", ggml_vec_dot_tq1_0_q8_K, NULL, NULL, 256, 54},
    {"TQ2_0", ggml_vec_dot_tq2_0_q8_K, NULL, NULL, 256, 66},
    {"Q4_0", ggml_vec_dot_q4_0_q8_0, NULL, NULL, 32, 18},
    {"Q4_0_4x4", NULL, ggml_gemv_q4_0_4x4_q8_0, ggml_gemm_q4_0_4x4_q8_0, 32, 18},
    {"Q4_0_4x8", NULL, ggml_gemv_q4_0_4x8_q8_0, ggml_gemm_q4_0_4x8_q8_0, 32, 18},
};

static void *filled(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (memory == NULL) {
        exit(EXIT_FAILURE);
    }
    return memset(memory, 0x11, bytes);
}

int main(int argc, char **argv) {
    if (argc != 6) {
        return EXIT_FAILURE;
    }
    size_t t = 0;
    while (strcmp(types[t].name, argv[1]) != 0) {
        t++;
    }
    const size_t rows = (size_t)atoi(argv[2]), cols = (size_t)atoi(argv[3]);
    const size_t tokens = (size_t)atoi(argv[4]);
    const size_t row_bytes = cols / types[t].block * types[t].bytes;
    const char *weights = filled(rows * row_bytes);
    const char *x = filled(2 * cols * tokens); /* no block of activations takes more */
    float *y = filled(tokens * rows * sizeof *y);
    for (int i = 0; i < atoi(argv[5]); i++) {
        if (types[t].gemv != NULL) {
            (tokens == 1 ? types[t].gemv : types[t].gemm)((int)cols, y, rows, weights, x,
                                                          (int)tokens, (int)rows);
        }
        for (size_t n = 0; n < rows * tokens && types[t].gemv == NULL; n++) {
            types[t].vec_dot((int)cols, y + n, 0, weights + n % rows * row_bytes, 0,
                             x + n / rows * 2 * cols, 0, 1);
        }
    }
    printf("%s %g\n", types[t].name, (double)y[0]);
    return EXIT_SUCCESS;
}
