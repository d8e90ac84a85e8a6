/* float16: all 65536 values to float32 and back, every rounding boundary, and a random sweep. */
#include <math.h>
#include <string.h>

#include "harness.h"
#include "naive.h"
#include "scalar/f16.h"
#include "suites.h"

enum { HALVES = 1 << 16, SWEEP = 1 << 20, BATCH = 4096 };

static void check_narrowing(const float *values, int32_t n) {
    float *src = guarded(MEM_A, AT_END, (size_t)n * sizeof *src, sizeof *src);
    uint16_t *wanted = guarded(MEM_B, AT_END, (size_t)n * sizeof *wanted, sizeof *wanted);
    memcpy(src, values, (size_t)n * sizeof *src);
    for (int32_t i = 0; i < n; i++) {
        wanted[i] = naive_f32_to_f16(src[i]);
    }
    for (const vector_row *row = vector_rows; row->name != NULL; row++) {
        if (strcmp(row->slot, "to_f16") == 0 && row->isa <= host_isa()) {
            uint16_t *dst = guarded(MEM_Y, AT_END, (size_t)n * sizeof *dst, sizeof *dst);
            running(row->name);
            ((lw_to_f16_fn *)row->fn)(dst, src, n);
            expect_bytes(row->name, "float16", dst, wanted, (size_t)n * sizeof *dst);
        }
    }
}

/* Widening by hardware is inside gemv_f16: rows of one column times 1. */
static void check_widening(void) {
    uint16_t *all = guarded(MEM_CODES, AT_END, HALVES * sizeof *all, sizeof *all);
    float *wanted = guarded(MEM_B, AT_END, HALVES * sizeof *wanted, sizeof *wanted);
    float *one = guarded(MEM_X, AT_END, sizeof *one, sizeof *one);
    *one = 1.0f;
    for (int32_t i = 0; i < HALVES; i++) {
        all[i] = (uint16_t)i;
        const float value = lw_f16_to_f32((uint16_t)i);
        wanted[i] = naive_f16_to_f32((uint16_t)i);
        expect_floats("lw_f16_to_f32", "widening", &value, &wanted[i], 1);
        if (!isnan(value)) {
            expect_true("lw_f32_to_f16", "round trip", lw_f32_to_f16(value) == i);
        }
        wanted[i] = 0.0f + wanted[i]; /* a fold starts at +0 */
    }
    for (const vector_row *row = vector_rows; row->name != NULL; row++) {
        if (strcmp(row->slot, "gemv_f16") == 0 && row->isa <= host_isa()) {
            float *y = guarded(MEM_Y, AT_END, HALVES * sizeof *y, sizeof *y);
            running(row->name);
            ((lw_gemv_float_fn *)row->fn)(all, 1, one, y, 0, HALVES);
            expect_floats(row->name, "widening", y, wanted, HALVES);
        }
    }
}

void test_f16(void) {
    static float values[BATCH];
    describe("all float16 values");
    check_widening();
    describe("float32 values around each float16 and each midpoint");
    int32_t n = 0;
    for (uint32_t half = 0; half < 0x7c00; half++) {
        const float here = naive_f16_to_f32((uint16_t)half);
        const float next = half == 0x7bff ? 65536.0f : naive_f16_to_f32((uint16_t)(half + 1));
        const float middle = here + (next - here) / 2;
        const float around[] = {here,
                                nextafterf(here, 1e9f),
                                middle,
                                nextafterf(middle, 0.0f),
                                nextafterf(middle, 1e9f),
                                nextafterf(next, 0.0f)};
        for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
            values[n++] = around[i];
            values[n++] = -around[i];
        }
        if (n + 12 > BATCH || half == 0x7bff) {
            check_narrowing(values, n);
            n = 0;
        }
    }
    describe("float32 values of random bits");
    for (int32_t done = 0; done < SWEEP; done += BATCH) {
        random_floats(values, BATCH, true);
        for (int32_t i = 0; i < BATCH; i += 2) {
            const uint32_t bits = (uint32_t)random_u64();
            memcpy(&values[i], &bits, sizeof bits);
        }
        check_narrowing(values, random_range(1, BATCH));
    }
}
