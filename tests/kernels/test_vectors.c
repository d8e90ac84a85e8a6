/* The float kernels on vectors: lengths around every vector width, in place and not, with NaN,
 * infinity, subnormals. */
#include <math.h>
#include <string.h>

#include "exp.h"
#include "harness.h"
#include "naive.h"
#include "suites.h"

static float add(float a, float b) {
    return a + b;
}

static float relu2_mul(float gate, float up) {
    const float g = gate > 0.0f ? gate : 0.0f;
    return (g * g) * up;
}

static float silu_mul(float gate, float up) {
    return (gate / (1.0f + naive_exp(0.0f - gate))) * up;
}

/* `in_place`: 0 no, 1 y is a, 2 y is b */
static void check_binary(const vector_row *row, float (*op)(float, float), int32_t n, side at,
                         bool special, int in_place) {
    const size_t bytes = (size_t)n * sizeof(float);
    float *a = guarded(MEM_A, at, bytes, sizeof(float));
    float *b = guarded(MEM_B, at, bytes, sizeof(float));
    float *wanted = guarded(MEM_SCRATCH, at, bytes, sizeof(float));
    random_floats(a, (size_t)n, special);
    random_floats(b, (size_t)n, special);
    for (int32_t i = 0; i < n; i++) {
        wanted[i] = op(a[i], b[i]);
    }
    float *y = in_place == 1 ? a : in_place == 2 ? b : guarded(MEM_Y, at, bytes, sizeof(float));
    ((lw_binary_fn *)row->fn)(y, a, b, n);
    expect_floats(row->name, "y", y, wanted, (size_t)n);
}

static void check_rmsnorm(const vector_row *row, int32_t n, side at, bool special, int in_place) {
    const size_t bytes = (size_t)n * sizeof(float);
    float *x = guarded(MEM_A, at, bytes, sizeof(float));
    float *w = guarded(MEM_B, at, bytes, sizeof(float));
    float *wanted = guarded(MEM_X, at, bytes, sizeof(float));
    random_floats(x, (size_t)n, special);
    random_floats(w, (size_t)n, special);
    naive_rmsnorm(wanted, x, w, n, 1e-5f);
    float *y = in_place == 1 ? x : guarded(MEM_Y, at, bytes, sizeof(float));
    ((lw_rmsnorm_fn *)row->fn)(y, x, w, n, 1e-5f);
    expect_floats(row->name, "y", y, wanted, (size_t)n);
}

static void check_quantize(const vector_row *row, int32_t n, side at, bool special) {
    const size_t stride = (size_t)lw_q8_stride(n);
    float *x = guarded(MEM_A, at, (size_t)n * sizeof *x, sizeof *x);
    int8_t *codes = guarded(MEM_X, at, stride, 64);
    int32_t *sums = guarded(MEM_X_SUMS, at, stride / 32 * sizeof *sums, sizeof *sums);
    int8_t *wanted_codes = guarded(MEM_CODES, at, stride, 64);
    int32_t *wanted_sums = guarded(MEM_SCALES, at, stride / 32 * sizeof *sums, sizeof *sums);
    float *scale = guarded(MEM_Y, at, sizeof *scale, sizeof *scale);
    float wanted_scale;
    random_floats(x, (size_t)n, special);
    for (int32_t i = 0; i < n && !special; i += 3) {
        x[i] = (float)random_range(-254, 254) * 0.5f; /* ties, when 127 is the maximum */
    }
    naive_quantize(x, n, wanted_codes, wanted_sums, &wanted_scale);
    ((lw_quantize_fn *)row->fn)(x, n, codes, sums, scale);
    expect_bytes(row->name, "codes", codes, wanted_codes, stride);
    expect_bytes(row->name, "sums", sums, wanted_sums, stride / 32 * sizeof *sums);
    expect_floats(row->name, "scale", scale, &wanted_scale, 1);
}

static void check_rope(const vector_row *row, int32_t n, side at, bool special) {
    const int32_t head_dim = 2 * ((n + 1) / 2);
    const int32_t half = head_dim / 2;
    const int32_t heads = random_range(1, 3);
    const size_t count = (size_t)heads * (size_t)head_dim;
    float *x = guarded(MEM_A, at, count * sizeof *x, sizeof *x);
    float *wanted = guarded(MEM_B, at, count * sizeof *x, sizeof *x);
    float *cos_sin = guarded(MEM_Y, at, (size_t)head_dim * sizeof *x, sizeof *x);
    random_floats(x, count, special);
    random_floats(cos_sin, (size_t)head_dim, special);
    for (int32_t i = 0; i < heads * head_dim; i++) {
        const int32_t d = i % head_dim;
        const float c = cos_sin[d % half];
        const float s = cos_sin[half + d % half];
        wanted[i] = d < half ? x[i] * c - x[i + half] * s : x[i] * c + x[i - half] * s;
    }
    ((lw_rope_fn *)row->fn)(x, cos_sin, heads, head_dim);
    expect_floats(row->name, "x", x, wanted, count);
}

/* A matrix of floats; `half` for float16. Rows outside the asked range must stay as they were. */
static void check_gemv(const vector_row *row, int32_t cols, side at, bool special, bool half) {
    const int32_t rows = random_range(1, 11);
    const int32_t begin = random_range(0, rows - 1);
    const int32_t end = random_range(begin, rows);
    const size_t count = (size_t)rows * (size_t)cols;
    const size_t element = half ? sizeof(uint16_t) : sizeof(float);
    void *w = guarded(MEM_CODES, at, count * element, element);
    float *x = guarded(MEM_X, at, (size_t)cols * sizeof *x, sizeof *x);
    float *y = guarded(MEM_Y, at, (size_t)rows * sizeof *y, sizeof *y);
    float *wanted = guarded(MEM_B, at, (size_t)rows * sizeof *y, sizeof *y);
    float *terms = guarded(MEM_A, at, (size_t)cols * sizeof *terms, sizeof *terms);
    random_floats(x, (size_t)cols, special);
    for (size_t i = 0; i < count; i++) {
        float value;
        random_floats(&value, 1, special);
        if (half) {
            ((uint16_t *)w)[i] = naive_f32_to_f16(value);
        } else {
            ((float *)w)[i] = value;
        }
    }
    for (int32_t n = begin; n < end; n++) {
        for (int32_t k = 0; k < cols; k++) {
            const size_t i = (size_t)n * (size_t)cols + (size_t)k;
            terms[k] = (half ? naive_f16_to_f32(((uint16_t *)w)[i]) : ((float *)w)[i]) * x[k];
        }
        wanted[n] = naive_fold(terms, cols);
    }
    ((lw_gemv_float_fn *)row->fn)(w, cols, x, y, begin, end);
    expect_floats(row->name, "y", y, wanted, (size_t)rows);
}

static void check_row(const vector_row *row, int32_t n, side at, bool special, int in_place) {
    if (strcmp(row->slot, "add") == 0) {
        check_binary(row, add, n, at, special, in_place);
    } else if (strcmp(row->slot, "relu2_mul") == 0) {
        check_binary(row, relu2_mul, n, at, special, in_place);
    } else if (strcmp(row->slot, "silu_mul") == 0) {
        check_binary(row, silu_mul, n, at, special, in_place);
    } else if (strcmp(row->slot, "rmsnorm") == 0) {
        check_rmsnorm(row, n, at, special, in_place);
    } else if (strcmp(row->slot, "quantize") == 0) {
        check_quantize(row, n, at, special);
    } else if (strcmp(row->slot, "rope") == 0) {
        check_rope(row, n, at, special);
    } else if (strcmp(row->slot, "gemv_f16") == 0) {
        check_gemv(row, n, at, special, true);
    } else if (strcmp(row->slot, "gemv_f32") == 0) {
        check_gemv(row, n, at, special, false);
    } else {
        /* float16, attention and layout split have their own suites */
        expect_true(row->name, "has a test",
                    strcmp(row->slot, "to_f16") == 0 || strcmp(row->slot, "attention") == 0 ||
                        strcmp(row->slot, "attention_q8") == 0 ||
                        strncmp(row->slot, "split_", 6) == 0);
    }
}

/* The claim of exp.h, against the C library in double. */
static void check_exp(void) {
    double worst = 0.0;
    for (float x = LW_EXP_MIN; x <= LW_EXP_MAX; x += 1.0f / 4096) {
        worst = fmax(worst, fabs((double)naive_exp(x) / exp((double)x) - 1.0));
    }
    describe("largest relative error %g", worst);
    expect_true("exp", "relative error below 1.2e-7", worst < 1.2e-7);
}

void test_vectors(void) {
    check_exp();
    for (const vector_row *row = vector_rows; row->name != NULL; row++) {
        if (row->isa > host_isa()) {
            continue;
        }
        for (int32_t i = 1; i <= 80; i++) {
            const int32_t n = i <= 70 ? i : random_range(71, 3000);
            for (int variant = 0; variant < 12; variant++) {
                const side at = variant % 2 == 0 ? AT_BEGIN : AT_END;
                const bool special = variant / 2 % 2 != 0;
                describe("n %d, %s, %s floats, in place %d", n, at == AT_BEGIN ? "begin" : "end",
                         special ? "special" : "plain", variant / 4);
                running(row->name);
                check_row(row, n, at, special, variant / 4);
            }
        }
    }
}
