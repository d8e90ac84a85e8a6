/* The two stages of layout split against plain definitions, and bytes that no packer writes: every
 * instruction set must make the same of them, and touch nothing else. */
#include <math.h>
#include <string.h>

#include "harness.h"
#include "naive.h"
#include "pack_split.h"
#include "suites.h"

enum { MAX_COLS = 16384, MAX_ROWS = 100, MAX_CODES = 1 << 19, MAX_GROUPS = MAX_COLS / 64 };

typedef struct {
    int32_t rows, cols;
    bool corners; /* extreme codes and activations */
    side at;
} split_case;

static uint8_t codes[MAX_CODES];
static uint8_t dither[MAX_COLS];
static int8_t activations[MAX_COLS];
static float scales[MAX_ROWS * MAX_GROUPS];

static float random_scale(void) {
    static const float special[] = {0.0f, -0.0f, 0x1p-24f, 65504.0f, INFINITY, NAN};
    const float value = random_range(0, 19) == 0 ? special[random_range(0, 5)] : random_float();
    return naive_f16_to_f32(naive_f32_to_f16(value));
}

static naive_matrix make_matrix(const split_case *c) {
    const naive_matrix m = {.rows = c->rows,
                            .cols = c->cols,
                            .bits = 6,
                            .offset = 30,
                            .group = 64,
                            .groups = (c->cols + 63) / 64,
                            .codes = codes,
                            .scales = scales,
                            .dither = dither};
    for (int32_t i = 0; i < c->rows * c->cols; i++) {
        codes[i] = (uint8_t)(c->corners ? 56 * random_range(0, 1) : random_range(0, 56));
    }
    for (int32_t k = 0; k < split_padded_cols(c->cols); k++) {
        dither[k] = (uint8_t)(c->corners ? 7 * random_range(0, 1) : random_range(0, 7));
    }
    for (int32_t i = 0; i < c->rows * m.groups; i++) {
        scales[i] = random_scale();
    }
    return m;
}

static naive_x make_x(const split_case *c) {
    static float x_scale;
    x_scale = random_float();
    const int32_t sign = random_range(0, 2) - 1; /* the same everywhere, or random */
    for (int32_t k = 0; k < c->cols; k++) {
        const int32_t corner = sign != 0 ? sign * 127 : 254 * random_range(0, 1) - 127;
        activations[k] = (int8_t)(c->corners ? corner : random_range(-127, 127));
    }
    return (naive_x){1, c->cols, activations, &x_scale};
}

/* The definitions of kernel.h; low parts are 7 at most. */
static void naive_group(const naive_matrix *m, int32_t g, lw_split_group *group) {
    int32_t high_start = 0, low_start = 0, energy = 0;
    for (int32_t k = g * 64; k < (g + 1) * 64 && k < m->cols; k++) {
        const int32_t q = activations[k];
        high_start += (7 - 2 * m->offset - 2 * m->dither[k]) * q;
        low_start -= 7 * q;
        energy += q * q;
    }
    *group = (lw_split_group){high_start, low_start, (float)energy};
}

static int32_t naive_sum(const naive_matrix *m, int32_t n, int32_t g, bool high) {
    int32_t sum = 0;
    for (int32_t k = g * 64; k < (g + 1) * 64 && k < m->cols; k++) {
        const int32_t stored = m->codes[n * m->cols + k] + m->dither[k];
        sum += (high ? stored / 8 : stored % 8) * activations[k];
    }
    return sum;
}

static float naive_half_sum(const naive_matrix *m, const lw_split_group *groups, int32_t n,
                            bool high) {
    float sum = 0.0f;
    for (int32_t g = 0; g < m->groups; g++) {
        const int32_t start = high ? groups[g].high_start : groups[g].low_start;
        const int32_t twice = (high ? 16 : 2) * naive_sum(m, n, g, high) + start;
        sum = sum + m->scales[n * m->groups + g] * (float)twice;
    }
    return sum * 0.5f;
}

static float naive_radius(const naive_matrix *m, const lw_split_group *groups, int32_t n) {
    float square = 0.0f;
    for (int32_t g = 0; g < m->groups; g++) {
        const float scale = m->scales[n * m->groups + g];
        square = square + (scale * scale) * groups[g].energy;
    }
    return sqrtf(square);
}

static void check_groups(const split_case *c, const naive_matrix *m, const lw_matrix *w,
                         const lw_q8 *x, lw_split_group *wanted) {
    for (int32_t g = 0; g < m->groups; g++) {
        naive_group(m, g, &wanted[g]);
    }
    const size_t bytes = (size_t)m->groups * sizeof *wanted;
    for (const vector_row *row = vector_rows; row->name != NULL; row++) {
        if (strcmp(row->slot, "split_groups") == 0 && row->isa <= host_isa()) {
            lw_split_group *groups = guarded(MEM_Y, c->at, bytes, sizeof(float));
            running(row->name);
            ((lw_split_groups_fn *)row->fn)(w, x, groups);
            expect_bytes(row->name, "groups", groups, wanted, bytes);
        }
    }
}

/* Some row tiles; rows of others must stay as they were. */
static void check_estimate(const split_case *c, const naive_matrix *m, const lw_matrix *w,
                           const lw_q8 *x, const lw_split_group *groups) {
    const int32_t tiles = (c->rows + 15) / 16;
    const size_t bytes = (size_t)c->rows * sizeof(float);
    for (const vector_row *row = vector_rows; row->name != NULL; row++) {
        if (strcmp(row->slot, "split_estimate") != 0 || row->isa > host_isa()) {
            continue;
        }
        const int32_t begin = random_range(0, 1) == 0 ? 0 : random_range(0, tiles - 1);
        const int32_t end = random_range(0, 1) == 0 ? tiles : random_range(begin, tiles);
        float *estimate = guarded(MEM_A, c->at, bytes, sizeof(float));
        float *radius = guarded(MEM_B, c->at, bytes, sizeof(float));
        float *wanted_estimate = guarded(MEM_Y, c->at, bytes, sizeof(float));
        float *wanted_radius = guarded(MEM_SCRATCH, c->at, bytes, sizeof(float));
        for (int32_t n = begin * 16; n < end * 16 && n < c->rows; n++) {
            wanted_estimate[n] = naive_half_sum(m, groups, n, true);
            wanted_radius[n] = naive_radius(m, groups, n);
        }
        running(row->name);
        ((lw_split_estimate_fn *)row->fn)(w, x, groups, estimate, radius, begin, end);
        expect_floats(row->name, "estimate", estimate, wanted_estimate, (size_t)c->rows);
        expect_floats(row->name, "radius", radius, wanted_radius, (size_t)c->rows);
    }
}

static void check_refine(const split_case *c, const naive_matrix *m, const lw_matrix *w,
                         const lw_q8 *x, const lw_split_group *groups) {
    const int32_t count = random_range(0, 2 * c->rows);
    uint32_t *rows = guarded(MEM_LUT, c->at, (size_t)count * sizeof *rows, sizeof *rows);
    float *wanted = guarded(MEM_B, c->at, (size_t)count * sizeof *wanted, sizeof *wanted);
    for (int32_t i = 0; i < count; i++) {
        rows[i] = (uint32_t)random_range(0, c->rows - 1);
        wanted[i] = naive_half_sum(m, groups, (int32_t)rows[i], false);
    }
    for (const vector_row *row = vector_rows; row->name != NULL; row++) {
        if (strcmp(row->slot, "split_refine") == 0 && row->isa <= host_isa()) {
            float *low = guarded(MEM_Y, c->at, (size_t)count * sizeof *low, sizeof *low);
            running(row->name);
            ((lw_split_refine_fn *)row->fn)(w, x, groups, rows, count, low);
            expect_floats(row->name, "low", low, wanted, (size_t)count);
        }
    }
}

static void check_case(split_case c) {
    if (skip_case()) {
        return;
    }
    static lw_split_group wanted[MAX_GROUPS];
    static const layout_row layout = {LAYOUT_split, "split", 16, 32, 0, 0};
    c.at = random_range(0, 1) == 0 ? AT_BEGIN : AT_END;
    describe("rows %d, cols %d, corners %d, %s", c.rows, c.cols, c.corners,
             c.at == AT_BEGIN ? "begin" : "end");
    const naive_matrix m = make_matrix(&c);
    const naive_x x = make_x(&c);
    const lw_matrix w = naive_pack(&m, &layout, c.at);
    const lw_q8 packed = naive_pack_x(&x, c.at);
    check_groups(&c, &m, &w, &packed, wanted);
    check_estimate(&c, &m, &w, &packed, wanted);
    check_refine(&c, &m, &w, &packed, wanted);
}

/* For every column: the low part takes each of its values for exactly one dither. */
static void check_low_is_uniform(void) {
    for (int32_t code = 0; code <= 56; code++) {
        uint32_t seen = 0;
        for (int32_t u = 0; u < 8; u++) {
            seen |= 1u << ((code + u) % 8);
            expect_true("split", "stored codes have six bits", code + u < 64);
        }
        expect_true("split", "the low part is uniform over the dither", seen == 0xff);
    }
}

typedef struct {
    const lw_matrix *w;
    const lw_q8 *x;
    float *y; /* [rows] of gemv, [tokens][rows] of gemm, [cols] of gather */
} any_product;

static void run_gemv(const matrix_row *row, const any_product *p) {
    ((lw_gemv_fn *)row->fn)(p->w, p->x, NULL, p->y, 0, (p->w->rows + 15) / 16);
}

static void run_gemm(const matrix_row *row, const any_product *p) {
    void *scratch = guarded(MEM_SCRATCH, AT_END, lw_gemm_scratch_bytes(p->w->cols), 64);
    ((lw_gemm_fn *)row->fn)(p->w, p->x, 1, p->y, (size_t)p->w->rows, 0, (p->w->rows + 15) / 16,
                            scratch);
}

static void run_gather(const matrix_row *row, const any_product *p) {
    ((lw_gather_fn *)row->fn)(p->w, p->w->rows - 1, p->y);
}

/* All rows of a table give what its first, the scalar one, gives. */
static void check_agreement(const matrix_row *rows,
                            void (*run)(const matrix_row *, const any_product *), any_product p,
                            size_t count) {
    float *wanted = NULL;
    for (const matrix_row *row = rows; row->name != NULL; row++) {
        if (row->layout != LAYOUT_split || row->isa > host_isa()) {
            continue;
        }
        p.y = guarded(wanted == NULL ? MEM_B : MEM_Y, AT_END, count * sizeof *p.y, sizeof *p.y);
        running(row->name);
        run(row, &p);
        wanted = wanted == NULL ? p.y : wanted;
        expect_floats(row->name, "y", p.y, wanted, count);
    }
}

static void check_any_bytes(int32_t rows, int32_t cols) {
    if (skip_case()) {
        return;
    }
    static float x_scale = 0.5f;
    const size_t bytes = split_bytes(rows, cols);
    const size_t scale_count = (size_t)((rows + 15) / 16 * 16) * (size_t)((cols + 63) / 64);
    uint8_t *any = guarded(MEM_CODES, AT_END, bytes, 64);
    uint16_t *halves = guarded(MEM_SCALES, AT_END, scale_count * sizeof *halves, 64);
    describe("any bytes, rows %d, cols %d", rows, cols);
    for (size_t i = 0; i < bytes; i++) {
        any[i] = (uint8_t)random_u64();
    }
    for (size_t i = 0; i < scale_count; i++) {
        halves[i] = (uint16_t)random_u64();
    }
    for (int32_t k = 0; k < cols; k++) {
        activations[k] = (int8_t)random_range(-127, 127);
    }
    const naive_x x = {1, cols, activations, &x_scale};
    const lw_q8 packed = naive_pack_x(&x, AT_END);
    const lw_matrix w = {any, halves, rows, cols, 6, 30, 64};
    const any_product p = {.w = &w, .x = &packed};
    check_agreement(gemv_rows, run_gemv, p, (size_t)rows);
    check_agreement(gemm_rows, run_gemm, p, (size_t)rows);
    check_agreement(gather_rows, run_gather, p, (size_t)cols);
}

void test_split(void) {
    static const int32_t cols[] = {1, 31, 32, 33, 63, 64, 65, 96, 97, 128, 160, 320, 1000, 1024};
    check_low_is_uniform();
    for (size_t k = 0; k < sizeof cols / sizeof *cols; k++) {
        for (int i = 0; i < 24; i++) {
            check_case((split_case){random_range(1, MAX_ROWS), cols[k], i % 4 == 3, AT_BEGIN});
            check_any_bytes(random_range(1, MAX_ROWS), cols[k]);
        }
    }
    for (int i = 0; i < 20; i++) {
        check_case(
            (split_case){random_range(1, 20), random_range(1000, MAX_COLS), i % 2 == 0, AT_BEGIN});
    }
}
