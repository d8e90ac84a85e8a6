/* bench_kernels [--isa scalar|avx2|avx512] [--json] [rows cols]
 *
 * Speed of the matrix kernels on one core, in 10^9 weights a second (gemv) and 10^9 multiply-adds a
 * second (gemm), for every layout and a choice of widths. gemv builds its lookup tables inside the
 * timed part. "cache" repeats one matrix, "memory" walks copies of more than 256 MB together. Each
 * figure is the median of REPEATS timings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lutwerk/lutwerk.h"
#include "rows.h"

enum { REPEATS = 11, MAX_TOKENS = 128 };
static const size_t cold_bytes = (size_t)320 << 20;
static const char *const isa_names[] = {"scalar", "avx2", "avx512"};

typedef struct {
    int32_t bits;
    int32_t group;
} width;
static const width widths[] = {{2, 0}, {2, 64}, {3, 64}, {4, 64}, {6, 64}, {8, 64}};

/* One matrix, its copies, and the buffers of a product. */
typedef struct {
    lw_matrix w;
    size_t code_bytes;
    size_t copies;
    uint8_t *codes; /* copies, one after the other */
    lw_q8 x;
    void *lut;
    int32_t luts;
    int32_t tiles;
    float *y;
    void *scratch;
} work;

/* Seconds of processor time: of the wall clock, other processes would take their part. */
static double now(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

static void *allocate(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (memory == NULL) {
        fprintf(stderr, "bench_kernels: no memory for %zu bytes; try a smaller shape\n", bytes);
        exit(EXIT_FAILURE);
    }
    return memory;
}

static double larger(double a, double b) {
    return a > b ? a : b;
}

static work make_work(const layout_row *layout, width of, int32_t rows, int32_t cols) {
    const size_t row_tiles = (size_t)(rows + layout->tile_rows - 1) / (size_t)layout->tile_rows;
    const size_t column_tiles = (size_t)(cols + layout->tile_cols - 1) / (size_t)layout->tile_cols;
    const size_t tile_rows = (size_t)layout->tile_rows;
    const size_t tile_bytes = layout->id == LAYOUT_base3
                                  ? tile_rows
                                  : tile_rows * (size_t)layout->tile_cols / 8 * (size_t)of.bits;
    const size_t groups =
        of.group == 0 ? 1 : ((size_t)cols + (size_t)of.group - 1) / (size_t)of.group;
    const size_t stride = (size_t)lw_q8_stride(cols);
    work b = {.code_bytes = row_tiles * column_tiles * tile_bytes, .tiles = (int32_t)row_tiles};
    b.copies = cold_bytes / b.code_bytes + 1;
    b.codes = allocate(b.copies * b.code_bytes);
    for (size_t i = 0; i < b.copies * b.code_bytes; i++) {
        b.codes[i] = (uint8_t)((uint32_t)i * 2654435761u >> 24) % 243;
    }
    float *scales = allocate(row_tiles * tile_rows * groups * sizeof *scales);
    memset(scales, 0x3c, row_tiles * tile_rows * groups * sizeof *scales); /* about 1 as float16 */
    int8_t *x = allocate(MAX_TOKENS * stride);
    int32_t *sums = allocate(MAX_TOKENS * stride / LW_SUM_COLS * sizeof *sums);
    float *x_scales = allocate(MAX_TOKENS * sizeof *x_scales);
    for (size_t i = 0; i < MAX_TOKENS * stride; i++) {
        x[i] = (int8_t)(i % stride < (size_t)cols ? (int)(i * 37 % 255) - 127 : 0);
    }
    memset(sums, 0, MAX_TOKENS * stride / LW_SUM_COLS * sizeof *sums);
    for (size_t t = 0; t < MAX_TOKENS; t++) {
        x_scales[t] = 0.01f;
    }
    const int32_t offset = of.group == 0 ? 1 : 1 << (of.bits - 1);
    b.w = (lw_matrix){b.codes, scales, rows, cols, of.bits, offset, of.group};
    b.x = (lw_q8){x, sums, x_scales, (int32_t)stride};
    b.luts = layout->lut_cols == 0 ? 0 : (cols + layout->lut_cols - 1) / layout->lut_cols;
    b.luts = layout->id == LAYOUT_planes ? (cols + 31) / 32 * 8 : b.luts;
    b.lut = allocate((size_t)b.luts * (size_t)layout->lut_bytes + 1);
    b.y = allocate(MAX_TOKENS * (size_t)rows * sizeof *b.y);
    b.scratch = allocate(lw_gemm_scratch_bytes(cols));
    return b;
}

static void free_work(work *b) {
    free(b->codes);
    free((void *)(uintptr_t)b->w.scales);
    free((void *)(uintptr_t)b->x.codes);
    free((void *)(uintptr_t)b->x.sums);
    free((void *)(uintptr_t)b->x.scales);
    free(b->lut);
    free(b->y);
    free(b->scratch);
}

/* The best table builder up to the instruction set of `gemv`, or NULL. */
static lw_lut_fn *lut_builder(const matrix_row *gemv) {
    lw_lut_fn *found = NULL;
    for (const matrix_row *row = lut_rows; row->name != NULL; row++) {
        if (row->layout == gemv->layout && row->isa <= gemv->isa && gemv->uses_lut) {
            found = (lw_lut_fn *)row->fn;
        }
    }
    return found;
}

/* Weights a second, `passes` products for one timing, over the first `copies` copies in turn; what
 * one timing leaves in a cache is overwritten before its turn comes again. */
static double time_gemv(work *b, const matrix_row *row, size_t copies, size_t passes) {
    lw_lut_fn *build = lut_builder(row);
    double best = 0.0;
    for (int r = 0; r < REPEATS; r++) {
        const double start = now();
        for (size_t i = 0; i < passes; i++) {
            b->w.codes = b->codes + ((size_t)r * passes + i) % copies * b->code_bytes;
            if (build != NULL) {
                build(&b->x, b->lut, 0, b->luts);
            }
            ((lw_gemv_fn *)row->fn)(&b->w, &b->x, b->lut, b->y, 0, b->tiles);
        }
        const double weights = (double)b->w.rows * b->w.cols * (double)passes;
        best = larger(best, weights / (now() - start));
    }
    return best;
}

static double time_gemm(work *b, const matrix_row *row, int32_t tokens) {
    const size_t y_stride = (size_t)b->w.rows;
    double best = 0.0;
    const int repeats = row->isa == LW_ISA_SCALAR ? 3 : REPEATS; /* a timing takes a second there */
    for (int r = 0; r < repeats; r++) {
        const double start = now();
        ((lw_gemm_fn *)row->fn)(&b->w, &b->x, tokens, b->y, y_stride, 0, b->tiles, b->scratch);
        best = larger(best, (double)b->w.rows * b->w.cols * tokens / (now() - start));
    }
    return best;
}

static void print(bool json, const matrix_row *row, const work *b, const char *test, double rate) {
    const char *format =
        json ? "{\"kernel\": \"%s\", \"bits\": %d, \"group\": %d, \"rows\": %d, \"cols\": %d, "
               "\"test\": \"%s\", \"giga_per_s\": %.2f}\n"
             : "%-24s bits %d group %-3d %d x %d  %-10s %8.2f G/s\n";
    printf(format, row->name, b->w.bits, b->w.group, b->w.rows, b->w.cols, test, rate * 1e-9);
    fflush(stdout);
}

static void bench_layout(const layout_row *layout, width of, int32_t rows, int32_t cols,
                         const char *isa, bool json) {
    const uint32_t host = host_isa();
    work b = make_work(layout, of, rows, cols);
    for (const matrix_row *row = gemv_rows; row->name != NULL; row++) {
        if (row->layout == layout->id && row->isa <= host &&
            (isa == NULL || strcmp(isa, isa_names[row->isa]) == 0)) {
            /* some milliseconds for one timing, between two turns of the scheduler */
            const size_t passes = ((size_t)1 << (row->isa == LW_ISA_SCALAR ? 22 : 27)) /
                                      ((size_t)rows * (size_t)cols) +
                                  1;
            print(json, row, &b, "cache", time_gemv(&b, row, 1, passes));
            print(json, row, &b, "memory", time_gemv(&b, row, b.copies, passes));
        }
    }
    b.w.codes = b.codes;
    for (const matrix_row *row = gemm_rows; row->name != NULL; row++) {
        if (row->layout == layout->id && row->isa <= host &&
            (isa == NULL || strcmp(isa, isa_names[row->isa]) == 0)) {
            print(json, row, &b, "64 tokens", time_gemm(&b, row, 64));
            print(json, row, &b, "128 tokens", time_gemm(&b, row, 128));
        }
    }
    free_work(&b);
}

int main(int argc, char **argv) {
    const char *isa = NULL;
    bool json = false;
    int32_t shape[2] = {2560, 2560};
    int numbers = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--isa") == 0 && i + 1 < argc) {
            isa = argv[++i];
        } else if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (numbers < 2 && atoi(argv[i]) > 0) {
            shape[numbers++] = atoi(argv[i]);
        } else {
            fprintf(stderr,
                    "usage: bench_kernels [--isa scalar|avx2|avx512] [--json] [rows cols]\n");
            return EXIT_FAILURE;
        }
    }
    for (const layout_row *layout = layout_rows; layout->name != NULL; layout++) {
        for (size_t i = 0; i < sizeof widths / sizeof *widths && layout->id != LAYOUT_rows; i++) {
            if (layout->id != LAYOUT_base3 || widths[i].group == 0) {
                bench_layout(layout, widths[i], shape[0], shape[1], isa, json);
            }
        }
    }
    return EXIT_SUCCESS;
}
