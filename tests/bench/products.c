#include "products.h"

#include <stdlib.h>
#include <string.h>

#include "lutwerk/lutwerk.h"
#include "split.h"

typedef struct {
    const product *p;
    const matrix_row *kernel;
    bool estimate;    /* the kernel is a split_estimate, else a gemv or gemm */
    lw_lut_fn *build; /* NULL: the kernel reads no tables */
    size_t copies;
    size_t passes; /* products of one timing */
    setting of;
} timing;

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

static void fill_copies(uint8_t *memory, const product *p, size_t code_bytes) {
    for (size_t copy = 0; copy < p->copies; copy++) {
        uint8_t *codes = memory + copy * p->stride;
        for (size_t i = 0; i < code_bytes; i++) {
            codes[i] = (uint8_t)((uint32_t)i * 2654435761u >> 24) % 243; /* legal in base3 too */
        }
        memset(codes + code_bytes, 0x3c, p->stride - code_bytes); /* scales of about 1 */
    }
}

static lw_q8 make_activations(int32_t cols) {
    const size_t stride = (size_t)lw_q8_stride(cols);
    int8_t *codes = allocate(MAX_TOKENS * stride, false);
    int32_t *sums = allocate(MAX_TOKENS * stride / LW_SUM_COLS * sizeof *sums, false);
    float *scales = allocate(MAX_TOKENS * sizeof *scales, false);
    for (size_t i = 0; i < MAX_TOKENS * stride; i++) {
        codes[i] = (int8_t)(i % stride < (size_t)cols ? (int)(i * 37 % 255) - 127 : 0);
    }
    memset(sums, 0, MAX_TOKENS * stride / LW_SUM_COLS * sizeof *sums);
    for (size_t t = 0; t < MAX_TOKENS; t++) {
        scales[t] = 0.01f;
    }
    return (lw_q8){codes, sums, scales, (int32_t)stride};
}

product make_product(const layout_row *layout, width of, int32_t rows, int32_t cols, effort e) {
    const size_t tile_rows = (size_t)layout->tile_rows;
    const size_t tile_cols = (size_t)layout->tile_cols;
    const size_t row_tiles = ((size_t)rows + tile_rows - 1) / tile_rows;
    const size_t column_tiles = ((size_t)cols + tile_cols - 1) / tile_cols;
    const size_t tile_bytes =
        layout->id == LAYOUT_base3 ? tile_rows : tile_rows * tile_cols / 8 * (size_t)of.bits;
    const size_t group = (size_t)of.group;
    const size_t scale_bytes = group == 0 ? sizeof(float) : ((size_t)cols + group - 1) / group * 2;
    const bool split = layout->id == LAYOUT_split;
    const size_t code_bytes = split ? (size_t)lw_split_bytes((uint32_t)rows, (uint32_t)cols)
                                    : round_up(row_tiles * column_tiles * tile_bytes, 64);
    product p = {.e = e, .tiles = (int32_t)row_tiles};
    const size_t scales_bytes = row_tiles * tile_rows * scale_bytes;
    p.bytes = code_bytes + scales_bytes + (of.zeros ? scales_bytes / 2 : 0);
    p.high_bytes = row_tiles * (column_tiles * LW_SPLIT_TILE + tile_rows * scale_bytes);
    const size_t zeros_at = code_bytes + round_up(scales_bytes, 64);
    p.stride = round_up(of.zeros ? zeros_at + scales_bytes / 2 : p.bytes, 64);
    p.copies = e.cold_bytes / p.stride + 1;
    uint8_t *memory = allocate(p.copies * p.stride, e.huge);
    fill_copies(memory, &p, code_bytes);
    const int32_t offset = group == 0 ? 1 : split ? 30 : 1 << (of.bits - 1);
    p.w = (lw_matrix){memory,   memory + code_bytes,
                      rows,     cols,
                      of.bits,  offset,
                      of.group, of.zeros ? memory + zeros_at : NULL};
    p.x = make_activations(cols);
    p.luts = layout->lut_cols == 0 ? 0 : (cols + layout->lut_cols - 1) / layout->lut_cols;
    p.luts = layout->id == LAYOUT_planes ? (cols + 31) / 32 * 8 : p.luts;
    p.lut_bytes = round_up((size_t)p.luts * (size_t)layout->lut_bytes, 64);
    p.lut = allocate(p.lut_bytes * (size_t)e.max_threads + 1, false);
    p.y = allocate(MAX_TOKENS * (size_t)rows * sizeof *p.y, false);
    p.groups = allocate(((size_t)cols + 63) / 64 * sizeof *p.groups, false);
    memset(p.groups, 0, ((size_t)cols + 63) / 64 * sizeof *p.groups);
    p.scratch = allocate(lw_gemm_scratch_bytes(cols), false);
    return p;
}

void free_product(product *p) {
    free((void *)(uintptr_t)p->w.codes);
    free((void *)(uintptr_t)p->x.codes);
    free((void *)(uintptr_t)p->x.sums);
    free((void *)(uintptr_t)p->x.scales);
    free(p->lut);
    free(p->y);
    free(p->groups);
    free(p->scratch);
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

/* Table builders want whole 32 columns: 8 tables of layout planes. */
static int32_t share(int32_t count, int32_t unit, int thread, int threads) {
    const int32_t units = (count + unit - 1) / unit;
    const int32_t end = (int32_t)((int64_t)units * thread / threads) * unit;
    return end < count ? end : count;
}

/* The copy of the matrix that a pass reads. */
static lw_matrix matrix_of_pass(const timing *t, int repeat, size_t pass) {
    const size_t skip = ((size_t)repeat * t->passes + pass) % t->copies * t->p->stride;
    lw_matrix w = t->p->w;
    w.codes += skip;
    w.scales = (const uint8_t *)w.scales + skip;
    w.zeros = w.zeros ? w.zeros + skip : NULL;
    return w;
}

/* Each thread builds its share of the tables, in tables of its own, complete since before the
 * timing: so nobody waits, and nobody reads what another writes. What one timing leaves in a cache
 * is overwritten before its copy's turn comes again. */
static void gemv_part(void *context, int thread, int repeat) {
    const timing *t = context;
    const product *p = t->p;
    uint8_t *lut = p->lut + p->lut_bytes * (size_t)thread;
    const int threads = t->of.threads;
    const int32_t luts[2] = {share(p->luts, 8, thread, threads),
                             share(p->luts, 8, thread + 1, threads)};
    const int32_t tiles[2] = {share(p->tiles, 1, thread, threads),
                              share(p->tiles, 1, thread + 1, threads)};
    for (size_t i = 0; i < t->passes; i++) {
        const lw_matrix w = matrix_of_pass(t, repeat, i);
        if (t->estimate) {
            ((lw_split_estimate_fn *)t->kernel->fn)(&w, &p->x, p->groups, p->y, p->y + p->w.rows,
                                                    tiles[0], tiles[1]);
            continue;
        }
        if (t->build != NULL) {
            t->build(&p->x, lut, luts[0], luts[1]);
        }
        ((lw_gemv_fn *)t->kernel->fn)(&w, &p->x, lut, p->y, tiles[0], tiles[1]);
    }
}

static double one_token_rate(product *p, const matrix_row *kernel, bool estimate, setting of) {
    const size_t weights = (size_t)p->w.rows * (size_t)p->w.cols;
    /* some milliseconds for one timing, between two turns of the scheduler */
    const size_t enough = (size_t)of.threads << (kernel->isa == LW_ISA_scalar ? 22 : 27);
    timing t = {
        .p = p, .kernel = kernel, .estimate = estimate, .build = lut_builder(kernel), .of = of};
    t.copies = of.cold ? p->copies : 1;
    t.passes = p->e.repeats == 1 ? 1 : enough / weights + 1;
    for (int i = 0; i < of.threads && t.build != NULL; i++) {
        t.build(&p->x, p->lut + p->lut_bytes * (size_t)i, 0, p->luts);
    }
    return (double)(weights * t.passes) / best_seconds(of.threads, p->e.repeats, gemv_part, &t);
}

double gemv_rate(product *p, const matrix_row *kernel, setting of) {
    return one_token_rate(p, kernel, false, of);
}

double estimate_rate(product *p, const matrix_row *kernel, setting of) {
    return one_token_rate(p, kernel, true, of);
}

static void gemm_part(void *context, int thread, int repeat) {
    (void)thread;
    const timing *t = context;
    const product *p = t->p;
    for (size_t i = 0; i < t->passes; i++) {
        const lw_matrix w = matrix_of_pass(t, repeat, i);
        ((lw_gemm_fn *)t->kernel->fn)(&w, &p->x, t->of.tokens, p->y, (size_t)p->w.rows, 0, p->tiles,
                                      p->scratch);
    }
}

double gemm_rate(product *p, const matrix_row *kernel, setting of) {
    const bool scalar = kernel->isa == LW_ISA_scalar;
    const size_t products = (size_t)p->w.rows * (size_t)p->w.cols * (size_t)of.tokens;
    timing t = {.p = p, .kernel = kernel, .of = of};
    t.copies = of.cold ? p->copies : 1;
    t.passes = p->e.repeats == 1 ? 1 : ((size_t)1 << (scalar ? 22 : 27)) / products + 1;
    const int repeats = scalar && p->e.repeats > 3 ? 3 : p->e.repeats;
    return (double)(products * t.passes) / best_seconds(1, repeats, gemm_part, &t);
}
