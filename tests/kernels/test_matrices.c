/* Packed matrices: every layout, width and group at shapes around the tile, and the corners where
 * narrow sums would overflow. Codes, activations, tables and results lie against guard pages. */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "naive.h"
#include "suites.h"

enum {
    MAX_CODES = 1 << 21,
    MAX_X = 1 << 20,
    MAX_SCALES = 1 << 17,
    MAX_Y = 1 << 14,
    MAX_TOKENS = 300, /* more than a kernel prepares at a time */
};

/* What codes and activations hold; the corners are the extreme products of both signs. */
typedef enum { RANDOM, ALL_MAX, MAX_BY_MIN, MIN_BY_MAX, ALTERNATING, PATTERNS } pattern;

typedef struct {
    const layout_row *layout;
    bool ternary;
    bool int57; /* codes 0..56 instead of all of 6 bits */
    bool zeros; /* zero points */
    int32_t bits, group, rows, cols, tokens;
    pattern pattern;
    side at;
} matrix_case;

static uint8_t codes[MAX_CODES];
static int8_t activations[MAX_X];
static float scales[MAX_SCALES];
static uint8_t zeros[MAX_SCALES];
static float x_scales[MAX_TOKENS];
static float wanted[MAX_Y];
static uint8_t dither[MAX_X];

static naive_matrix make_matrix(const matrix_case *c) {
    const int32_t top = c->ternary ? 2 : c->int57 ? 56 : (1 << c->bits) - 1;
    naive_matrix m = {.rows = c->rows,
                      .cols = c->cols,
                      .bits = c->bits,
                      .group = c->group,
                      .offset = c->ternary ? 1
                                : c->int57 ? 30
                                           : 1 << (c->bits - 1),
                      .codes = codes,
                      .scales = scales,
                      .zeros = c->zeros ? zeros : NULL,
                      .dither = dither};
    for (int32_t k = 0; k < (c->cols + 63) / 64 * 64; k++) {
        dither[k] = (uint8_t)random_range(0, 7);
    }
    m.groups = c->group == 0 ? 1 : (c->cols + c->group - 1) / c->group;
    for (int32_t i = 0; i < c->rows * c->cols; i++) {
        const int32_t corner = c->pattern == MIN_BY_MAX                         ? 0
                               : c->pattern == ALTERNATING && (i % c->cols & 1) ? 0
                                                                                : top;
        codes[i] = (uint8_t)(c->pattern == RANDOM ? random_range(0, top) : corner);
    }
    for (int32_t i = 0; i < c->rows * m.groups && c->zeros; i++) {
        const bool corner = c->pattern != RANDOM || random_range(0, 3) == 0;
        zeros[i] = (uint8_t)(corner ? top * random_range(0, 1) : random_range(0, top));
    }
    for (int32_t i = 0; i < c->rows * m.groups; i++) {
        const float scale = random_range(0, 9) == 0 ? 0.0f : random_float();
        scales[i] = c->group == 0 ? scale : naive_f16_to_f32(naive_f32_to_f16(scale));
    }
    return m;
}

static naive_x make_x(const matrix_case *c) {
    for (int32_t i = 0; i < c->tokens * c->cols; i++) {
        const bool negative =
            c->pattern == MAX_BY_MIN || (c->pattern == ALTERNATING && (i % c->cols & 1) != 0);
        activations[i] = (int8_t)(c->pattern == RANDOM ? random_range(-127, 127)
                                  : negative           ? -127
                                                       : 127);
    }
    for (int32_t t = 0; t < c->tokens; t++) {
        x_scales[t] = random_float();
    }
    return (naive_x){c->tokens, c->cols, activations, x_scales};
}

static void check_luts(const matrix_case *c, const naive_x *x, const lw_q8 *packed) {
    const int32_t count = naive_lut_count(c->layout, c->cols);
    const size_t table_bytes = (size_t)c->layout->lut_bytes;
    const size_t bytes = (size_t)count * table_bytes;
    const int32_t begin = random_range(0, count - 1);
    const int32_t end = random_range(begin, count);
    for (const matrix_row *row = lut_rows; row->name != NULL; row++) {
        if (row->layout == c->layout->id && row->isa <= host_isa()) {
            uint8_t *right = guarded(MEM_SCRATCH, AT_END, bytes, 64);
            for (int32_t i = begin; i < end; i++) {
                naive_lut(c->layout, row->isa, x, i, right + (size_t)i * table_bytes);
            }
            void *lut = guarded(MEM_LUT, c->at, bytes, 64);
            running(row->name);
            ((lw_lut_fn *)row->fn)(packed, lut, begin, end);
            expect_bytes(row->name, "tables", lut, right, bytes);
        }
    }
}

/* All tables of token 0, as kernels of an instruction set read them. */
static const uint8_t *make_lut(const matrix_case *c, const naive_x *x, uint32_t isa) {
    const int32_t count = naive_lut_count(c->layout, c->cols);
    const size_t table_bytes = (size_t)c->layout->lut_bytes;
    uint8_t *lut = guarded(MEM_LUT, c->at, (size_t)count * table_bytes, 64);
    for (int32_t i = 0; i < count; i++) {
        naive_lut(c->layout, isa, x, i, lut + (size_t)i * table_bytes);
    }
    return lut;
}

/* All row tiles, then some of them: rows of other tiles must stay as they were. */
static void check_gemv(const matrix_case *c, const lw_matrix *w, const naive_x *x,
                       const lw_q8 *packed) {
    const int32_t tiles = (c->rows + c->layout->tile_rows - 1) / c->layout->tile_rows;
    const size_t bytes = (size_t)c->rows * sizeof(float);
    for (const matrix_row *row = gemv_rows; row->name != NULL; row++) {
        if (row->layout != c->layout->id || row->isa > host_isa()) {
            continue;
        }
        const uint8_t *lut = row->uses_lut ? make_lut(c, x, row->isa) : NULL;
        for (int part = 0; part < 2; part++) {
            const int32_t begin = part == 0 ? 0 : random_range(0, tiles - 1);
            const int32_t end = part == 0 ? tiles : random_range(begin, tiles);
            float *y = guarded(MEM_Y, c->at, bytes, sizeof(float));
            float *right = guarded(MEM_B, c->at, bytes, sizeof(float));
            for (int32_t n = begin * c->layout->tile_rows;
                 n < end * c->layout->tile_rows && n < c->rows; n++) {
                right[n] = wanted[n];
            }
            running(row->name);
            ((lw_gemv_fn *)row->fn)(w, packed, lut, y, begin, end);
            expect_floats(row->name, "y", y, right, (size_t)c->rows);
        }
    }
}

static void check_gemm(const matrix_case *c, const lw_matrix *w, const lw_q8 *packed) {
    const int32_t tile_rows = c->layout->tile_rows;
    const int32_t tiles = (c->rows + tile_rows - 1) / tile_rows;
    const size_t y_stride = (size_t)c->rows + (size_t)random_range(0, 3);
    /* the last token's row ends with its last element */
    const size_t count = ((size_t)c->tokens - 1) * y_stride + (size_t)c->rows;
    for (const matrix_row *row = gemm_rows; row->name != NULL; row++) {
        if (row->layout != c->layout->id || row->isa > host_isa()) {
            continue;
        }
        const int32_t begin = random_range(0, 1) == 0 ? 0 : random_range(0, tiles - 1);
        const int32_t end = random_range(0, 1) == 0 ? tiles : random_range(begin, tiles);
        float *y = guarded(MEM_Y, c->at, count * sizeof *y, sizeof *y);
        float *right = guarded(MEM_B, c->at, count * sizeof *y, sizeof *y);
        void *scratch = guarded(MEM_SCRATCH, c->at, lw_gemm_scratch_bytes(c->cols), 64);
        for (int32_t t = 0; t < c->tokens; t++) {
            for (int32_t n = begin * tile_rows; n < end * tile_rows && n < c->rows; n++) {
                right[(size_t)t * y_stride + (size_t)n] = wanted[t * c->rows + n];
            }
        }
        running(row->name);
        ((lw_gemm_fn *)row->fn)(w, packed, c->tokens, y, y_stride, begin, end, scratch);
        expect_floats(row->name, "y", y, right, count);
    }
}

static void check_gather(const matrix_case *c, const lw_matrix *w, const naive_matrix *m) {
    const int32_t n = random_range(0, c->rows - 1);
    const size_t bytes = (size_t)c->cols * sizeof(float);
    float *right = guarded(MEM_B, c->at, bytes, sizeof(float));
    for (int32_t k = 0; k < c->cols; k++) {
        const int32_t g = c->group == 0 ? 0 : k / c->group;
        right[k] = (float)naive_value(m, n, k) * scales[n * m->groups + g];
    }
    for (const matrix_row *row = gather_rows; row->name != NULL; row++) {
        if (row->layout == c->layout->id && row->isa <= host_isa()) {
            float *y = guarded(MEM_Y, c->at, bytes, sizeof(float));
            running(row->name);
            ((lw_gather_fn *)row->fn)(w, n, y);
            expect_floats(row->name, "y", y, right, (size_t)c->cols);
        }
    }
}

/* A few; now and then more, in turns: blocks of 10, 11 and 12, which kernels have loops of their
 * own for, and several of them. */
static int32_t choose_tokens(void) {
    static const int32_t more[] = {10, 12, 33, 48};
    static uint32_t next;
    return random_range(0, 9) == 0 ? more[next++ % 4] : random_range(1, 9);
}

static void check_case(const matrix_case *c) {
    if (skip_case()) {
        return;
    }
    describe("%s, bits %d, group %d%s, rows %d, cols %d, tokens %d, pattern %d, %s",
             c->layout->name, c->bits, c->group, c->zeros ? " with zero points" : "", c->rows,
             c->cols, c->tokens, (int)c->pattern, c->at == AT_BEGIN ? "begin" : "end");
    const naive_matrix m = make_matrix(c);
    const naive_x x = make_x(c);
    const lw_matrix w = naive_pack(&m, c->layout, c->at);
    const lw_q8 packed = naive_pack_x(&x, c->at);
    for (int32_t t = 0; t < c->tokens; t++) {
        for (int32_t n = 0; n < c->rows; n++) {
            wanted[t * c->rows + n] = naive_matmul(&m, &x, t, n);
        }
    }
    if (c->layout->lut_bytes != 0) {
        check_luts(c, &x, &packed);
    }
    check_gemv(c, &w, &x, &packed);
    check_gemm(c, &w, &packed);
    check_gather(c, &w, &m);
}

/* Small shapes: every row count and column count around the tile, and odd ones; random tokens, and
 * once many. */
static void check_shapes(matrix_case c) {
    const int32_t tile = c.layout->tile_rows;
    const int32_t rows[] = {1, tile - 1, tile, tile + 1, 2 * tile + 5, random_range(1, 5 * tile)};
    const int32_t cols[] = {1,
                            4,
                            5,
                            6,
                            19,
                            20,
                            21,
                            31,
                            32,
                            33,
                            63,
                            64,
                            65,
                            127,
                            128,
                            129,
                            161,
                            319,
                            random_range(1, 700),
                            random_range(1, 700)};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        for (size_t k = 0; k < sizeof cols / sizeof *cols; k++) {
            c.rows = rows[r];
            c.cols = cols[k];
            c.tokens = choose_tokens();
            c.at = random_range(0, 1) == 0 ? AT_BEGIN : AT_END;
            check_case(&c);
        }
    }
    c.rows = random_range(1, 9);
    c.cols = random_range(1, 99);
    c.tokens = random_range(MAX_TOKENS / 2, MAX_TOKENS);
    check_case(&c);
}

/* Long rows with extreme values, where 16-bit sums would overflow first; one length with as many
 * row tiles as kernels take at once. */
static void check_corners(matrix_case c) {
    static const int32_t cols[] = {255, 256, 1037, 4096, 16384};
    for (size_t k = 0; k < sizeof cols / sizeof *cols; k++) {
        for (c.pattern = RANDOM; c.pattern < PATTERNS; c.pattern++) {
            c.cols = cols[k];
            c.rows = random_range(1, 3) + (cols[k] == 1037 ? 4 * c.layout->tile_rows : 0);
            c.tokens = random_range(1, 6);
            c.at = c.pattern % 2 == 0 ? AT_BEGIN : AT_END;
            check_case(&c);
        }
    }
}

void test_matrices(void) {
    static const int32_t groups[] = {0, 32, 64, 128};
    for (const layout_row *layout = layout_rows; layout->name != NULL; layout++) {
        if (layout->id == LAYOUT_rows) {
            continue;
        }
        matrix_case c = {
            .layout = layout, .int57 = layout->id != LAYOUT_base3, .bits = 6, .group = 64};
        if (c.int57) {
            check_shapes(c);
            check_corners(c);
        }
        if (layout->id == LAYOUT_split) {
            continue;
        }
        c = (matrix_case){.layout = layout, .ternary = true, .bits = 2};
        check_shapes(c);
        check_corners(c);
        c.ternary = false;
        for (c.bits = 1; c.bits <= 8 && layout->id != LAYOUT_base3; c.bits++) {
            for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
                c.group = groups[g];
                for (int with = 0; with < (c.bits > 1 && c.group != 0 ? 2 : 1); with++) {
                    c.zeros = with == 1;
                    check_shapes(c);
                    check_corners(c);
                }
                c.zeros = false;
            }
        }
    }
}
