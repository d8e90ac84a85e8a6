/* Speed of the matrix kernels beside what this machine can do at most: its read bandwidth, and its
 * multiply-adds of bytes in registers, measured in the same run.
 *
 * "cache" repeats one matrix on one core, "memory" walks copies of more than 256 MB together, as do
 * "2 tokens" to "8 tokens" on one core; "64 tokens" and "128 tokens" are prefill on one core,
 * cached. A gemv builds its lookup tables inside the timed part. Bytes are those of codes, scales
 * and zero points, of an estimate of layout split those of high parts and scales. Figures from the
 * cache are the best of REPEATS timings, those from memory medians of TURNS. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ceilings.h"
#include "lutwerk/lutwerk.h"
#include "products.h"

enum { TURNS = 15, TURN_REPEATS = 2, REPEATS = 11, MAX_COUNTS = 3, FEW_TOKENS = 8 };

static const char usage[] =
    "usage: bench_kernels [options] [rows cols]     (2560 2560)\n"
    "  --isa NAME                 only kernels of this instruction set of isas.def\n"
    "  --layout NAME              only this layout of layouts.def\n"
    "  --bits N                   only codes of this width\n"
    "  --threads N                gemv from memory also with N threads (1)\n"
    "  --pages 4K|2M              memory pages of the matrices (4K, like a mapped file)\n"
    "  --json                     one object a line\n"
    "  --quick                    one short timing each, to see that everything runs\n";

static const char *const isa_names[] = {
#define LW_ISA(number, name, architecture) #name,
#include "lutwerk/isas.def"
#undef LW_ISA
};
static const char *const layout_names[] = {
#define LW_LAYOUT(id, name, tile_rows, tile_cols, lut_cols, lut_bytes) #name,
#include "lutwerk/layouts.def"
#undef LW_LAYOUT
};
static const char *const page_names[] = {"4K", "2M"};
static const width widths[] = {{2, 0, false},   {1, 64, false},  {2, 64, false},  {3, 64, false},
                               {4, 64, false},  {6, 64, false},  {8, 64, false},  {1, 128, false},
                               {2, 128, false}, {3, 128, false}, {4, 128, false}, {6, 128, false},
                               {8, 128, false}, {2, 64, true},   {4, 64, true},   {8, 64, true},
                               {2, 128, true},  {3, 128, true},  {4, 128, true},  {8, 128, true}};

typedef struct {
    const char *isa;    /* NULL: all */
    const char *layout; /* NULL: all */
    int bits;           /* 0: all */
    bool json;
    int threads;
    int32_t shape[2];
    effort e;
} options;

typedef struct {
    int threads[MAX_COUNTS]; /* different counts, 0 where there are fewer */
    double multiply[LW_ISA_COUNT][MAX_COUNTS];
} ceilings;

static void print_read(const options *o, int threads, bool huge, double rate) {
    printf(o->json ? "{\"ceiling\": \"read\", \"threads\": %d, \"pages\": \"%s\", "
                     "\"gb_per_s\": %.2f}\n"
                   : "reading memory, threads %d, pages %s %8.2f GB/s\n",
           threads, page_names[huge], rate * 1e-9);
    fflush(stdout);
}

static void print_multiply(const options *o, int threads, uint32_t isa, double rate) {
    printf(o->json ? "{\"ceiling\": \"multiply\", \"threads\": %d, \"isa\": \"%s\", "
                     "\"giga_per_s\": %.2f}\n"
                   : "multiplying bytes, threads %d, %s %8.2f G/s\n",
           threads, isa_names[isa], rate * 1e-9);
    fflush(stdout);
}

static ceilings measure_ceilings(const options *o) {
    const int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    ceilings c = {.threads = {1}};
    int count = 1;
    if (o->threads > 1) {
        c.threads[count++] = o->threads;
    }
    if (cores > 1 && cores != o->threads && cores <= MAX_THREADS) {
        c.threads[count] = cores;
    }
    for (int huge = 0; huge <= (have_huge_pages() ? 1 : 0); huge++) {
        uint8_t *region = allocate(o->e.cold_bytes, huge);
        memset(region, 1, o->e.cold_bytes); /* untouched memory is one page of zeros */
        for (int i = 0; i < MAX_COUNTS && c.threads[i] != 0; i++) {
            print_read(o, c.threads[i], huge,
                       read_rate(region, o->e.cold_bytes, c.threads[i], o->e.repeats));
        }
        free(region);
    }
    for (uint32_t isa = 0; isa <= host_isa(); isa++) {
        for (int i = 0; i < MAX_COUNTS && c.threads[i] != 0; i++) {
            c.multiply[isa][i] = multiply_rate(isa, c.threads[i], o->e.repeats);
            if (c.multiply[isa][i] > 0.0) {
                print_multiply(o, c.threads[i], isa, c.multiply[isa][i]);
            }
        }
    }
    return c;
}

/* A line of one kernel; `share` is its fraction of the ceiling `of`, negative: there is none. */
static void print_kernel(const options *o, const matrix_row *kernel, const product *p,
                         const char *test, setting s, double rate, double share, const char *of) {
    const double gigabytes =
        rate * 1e-9 / ((double)p->w.rows * p->w.cols * s.tokens) * (double)p->bytes;
    if (o->json) {
        printf("{\"kernel\": \"%s\", \"isa\": \"%s\", \"bits\": %d, \"group\": %d, "
               "\"zeros\": %s, \"rows\": %d, "
               "\"cols\": %d, \"bytes\": %zu, \"test\": \"%s\", \"threads\": %d, \"pages\": "
               "\"%s\", \"tokens\": %d, "
               "\"giga_per_s\": %.2f, \"gb_per_s\": %.2f",
               kernel->name, isa_names[kernel->isa], p->w.bits, p->w.group,
               p->w.zeros ? "true" : "false", p->w.rows, p->w.cols, p->bytes, test, s.threads,
               page_names[o->e.huge], s.tokens, rate * 1e-9, gigabytes);
        printf(share < 0.0 ? "}\n" : ", \"percent_of_%s\": %.1f}\n", of, 100.0 * share);
    } else {
        printf("%-24s bits %d group %-3d%s %d x %d  %-10s threads %d %8.2f G/s %7.2f GB/s",
               kernel->name, p->w.bits, p->w.group, p->w.zeros ? " zeros" : "", p->w.rows,
               p->w.cols, test, s.threads, rate * 1e-9, gigabytes);
        printf(share < 0.0 ? "\n" : "  %5.1f%% of %s\n", 100.0 * share, of);
    }
    fflush(stdout);
}

static bool wanted(const options *o, const matrix_row *kernel, const layout_row *layout) {
    return kernel->layout == layout->id && kernel->isa <= host_isa() &&
           (o->isa == NULL || strcmp(o->isa, isa_names[kernel->isa]) == 0);
}

static int by_value(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 2];
}

/* A kernel and plain reading in turns, because the speed of memory wanders within a run: prints the
 * median rate, and the median of the shares of what reading reached in the same turn. */
static void bench_from_memory(const options *o, product p, const matrix_row *kernel,
                              const char *test, rate_fn *rate_of, setting s) {
    const bool quick = o->e.repeats == 1;
    const int turns = quick ? 1 : TURNS;
    const double products = (double)p.w.rows * p.w.cols * s.tokens;
    double rates[TURNS], shares[TURNS];
    p.e.repeats = quick ? 1 : TURN_REPEATS;
    for (int i = 0; i < turns; i++) {
        rates[i] = rate_of(&p, kernel, s);
        const double read = read_rate(p.w.codes, p.copies * p.stride, s.threads, p.e.repeats);
        shares[i] = rates[i] / products * (double)p.bytes / read;
    }
    print_kernel(o, kernel, &p, test, s, median(rates, turns), median(shares, turns), "read");
}

/* One token, from the cache and from memory. */
static void bench_one_token(const options *o, const ceilings *c, product *p,
                            const matrix_row *kernel, rate_fn *rate_of) {
    const setting cached = {.tokens = 1, .threads = 1};
    print_kernel(o, kernel, p, "cache", cached, rate_of(p, kernel, cached), -1.0, "");
    for (int i = 0; i < (o->threads > 1 ? 2 : 1); i++) {
        const setting cold = {.tokens = 1, .threads = c->threads[i], .cold = true};
        bench_from_memory(o, *p, kernel, "memory", rate_of, cold);
    }
}

/* The estimates of layout split; of its bytes, the high parts and the scales count. */
static void bench_estimates(const options *o, const ceilings *c, product p,
                            const layout_row *layout) {
    p.bytes = p.high_bytes;
    for (const vector_row *row = vector_rows; row->name != NULL; row++) {
        const matrix_row kernel = {row->name, layout->id, false, row->isa, row->fn, 0};
        if (strcmp(row->slot, "split_estimate") == 0 && wanted(o, &kernel, layout)) {
            bench_one_token(o, c, &p, &kernel, estimate_rate);
        }
    }
}

static void bench_layout(const options *o, const ceilings *c, const layout_row *layout, width of) {
    product p = make_product(layout, of, o->shape[0], o->shape[1], o->e);
    for (const matrix_row *kernel = gemv_rows; kernel->name != NULL; kernel++) {
        if (wanted(o, kernel, layout)) {
            bench_one_token(o, c, &p, kernel, gemv_rate);
        }
    }
    if (layout->id == LAYOUT_split) {
        bench_estimates(o, c, p, layout);
    }
    static const int32_t counts[] = {2, 4, 8, 64, 128};
    for (const matrix_row *kernel = gemm_rows; kernel->name != NULL; kernel++) {
        for (size_t i = 0; i < sizeof counts / sizeof *counts && wanted(o, kernel, layout); i++) {
            const setting s = {counts[i], 1, .cold = counts[i] <= FEW_TOKENS};
            char test[16];
            snprintf(test, sizeof test, "%d tokens", s.tokens);
            if (s.cold) {
                bench_from_memory(o, p, kernel, test, gemm_rate, s);
                continue;
            }
            const double rate = gemm_rate(&p, kernel, s);
            const double most = c->multiply[kernel->isa][0];
            print_kernel(o, kernel, &p, test, s, rate, most > 0.0 ? rate / most : -1.0, "peak");
        }
    }
    free_product(&p);
}

/* Whether `value` is one of `names`; says so otherwise. */
static bool known(const char *option, const char *value, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value, names[i]) == 0) {
            return true;
        }
    }
    fprintf(stderr, "bench_kernels: --%s '%s' is not known\n", option, value);
    return false;
}

/* Returns false when the command line is none that `usage` describes. */
static bool read_options(int argc, char **argv, options *o) {
    static const struct option known_options[] = {{"isa", required_argument, NULL, 'i'},
                                                  {"layout", required_argument, NULL, 'l'},
                                                  {"bits", required_argument, NULL, 'b'},
                                                  {"threads", required_argument, NULL, 't'},
                                                  {"pages", required_argument, NULL, 'p'},
                                                  {"json", no_argument, NULL, 'j'},
                                                  {"quick", no_argument, NULL, 'q'},
                                                  {"help", no_argument, NULL, 'h'},
                                                  {NULL, 0, NULL, 0}};
    bool good = true;
    for (int c; (c = getopt_long(argc, argv, "", known_options, NULL)) != -1;) {
        switch (c) {
        case 'i':
            o->isa = optarg;
            good = known("isa", optarg, isa_names, LW_ISA_COUNT) && good;
            break;
        case 'l':
            o->layout = optarg;
            good =
                known("layout", optarg, layout_names, sizeof layout_names / sizeof *layout_names) &&
                good;
            break;
        case 'b':
            o->bits = atoi(optarg);
            good = good && o->bits >= 1 && o->bits <= 8;
            break;
        case 't':
            o->threads = atoi(optarg);
            good = good && o->threads >= 1 && o->threads <= MAX_THREADS;
            break;
        case 'p':
            o->e.huge = strcmp(optarg, "2M") == 0;
            good = known("pages", optarg, page_names, 2) && good;
            break;
        case 'j':
            o->json = true;
            break;
        case 'q':
            o->e.repeats = 1;
            o->e.cold_bytes = (size_t)1 << 20;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        default:
            return false;
        }
    }
    if (optind != argc) {
        o->shape[0] = atoi(argv[optind]);
        o->shape[1] = optind + 2 == argc ? atoi(argv[optind + 1]) : 0;
    }
    o->e.max_threads = o->threads;
    return good && o->shape[0] > 0 && o->shape[1] > 0;
}

int main(int argc, char **argv) {
    options o = {.threads = 1,
                 .shape = {2560, 2560},
                 .e = {.cold_bytes = (size_t)320 << 20, .repeats = REPEATS}};
    if (!read_options(argc, argv, &o)) {
        fputs(usage, stderr);
        return EXIT_FAILURE;
    }
    if (o.e.huge && !have_huge_pages()) {
        fputs("bench_kernels: --pages 2M: this system has no transparent huge pages for programs "
              "that ask (sys/kernel/mm/transparent_hugepage/enabled); use --pages 4K\n",
              stderr);
        return EXIT_FAILURE;
    }
    const ceilings c = measure_ceilings(&o);
    for (const layout_row *layout = layout_rows; layout->name != NULL; layout++) {
        const bool skip =
            layout->id == LAYOUT_rows || (o.layout != NULL && strcmp(o.layout, layout->name) != 0);
        for (size_t i = 0; i < sizeof widths / sizeof *widths && !skip; i++) {
            const bool fits = layout->id == LAYOUT_base3 ? widths[i].group == 0
                              : layout->id == LAYOUT_split
                                  ? widths[i].bits == 6 && widths[i].group == 64
                                  : true;
            if (fits && (o.bits == 0 || o.bits == widths[i].bits)) {
                bench_layout(&o, &c, layout, widths[i]);
            }
        }
    }
    return EXIT_SUCCESS;
}
