/* lw_kernels_select: complete for every instruction set, consistent about tables, and the best row
 * wins. */
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "lutwerk/lutwerk.h"
#include "registry.h"
#include "rows.h"
#include "suites.h"

/* The last row of `layout` that `isa` includes: the one that must be selected. */
static const matrix_row *best(const matrix_row *rows, int layout, uint32_t isa) {
    const matrix_row *found = NULL;
    for (; rows->name != NULL; rows++) {
        if (rows->layout == layout && lw_isa_includes(isa, rows->isa)) {
            found = rows;
        }
    }
    return found;
}

/* Names are those of the processor that has `isa`, so they tell of this build's rows only where it
 * has such an instruction set. */
static bool built_for(uint32_t isa) {
    for (const matrix_row *row = gemm_rows; row->name != NULL; row++) {
        if (row->isa == isa) {
            return true;
        }
    }
    return false;
}

static void expect_named(uint32_t isa, const layout_row *layout, int32_t tokens,
                         const matrix_row *row) {
    const char *name = lw_kernels_name(isa, (uint32_t)layout->id, (uint32_t)tokens);
    expect_true(row->name, "named", name != NULL && strcmp(name, row->name) == 0);
}

static void check_layout(const lw_kernels *k, const layout_row *layout, uint32_t isa) {
    const matrix_row *gemv = best(gemv_rows, layout->id, isa);
    const matrix_row *gemm = best(gemm_rows, layout->id, isa);
    const matrix_row *gather = best(gather_rows, layout->id, isa);
    if (layout->id == LAYOUT_rows) {
        expect_true(layout->name, "has no matrix kernels",
                    gemv == NULL && k->gemv[layout->id] == NULL && k->lut[layout->id] == NULL);
        return;
    }
    if (gemv == NULL || gemm == NULL || gather == NULL) {
        expect_true(layout->name, "gemv, gemm and gather have scalar rows", false);
        return;
    }
    expect_true(gemv->name, "selected", (any_fn *)k->gemv[layout->id] == gemv->fn);
    if (built_for(isa)) {
        expect_named(isa, layout, 1, gemv);
        expect_named(isa, layout, gemm->tokens - 1, gemv);
        expect_named(isa, layout, gemm->tokens, gemm);
    }
    expect_true(gemm->name, "selected", (any_fn *)k->gemm[layout->id] == gemm->fn);
    expect_true(gemm->name, "chosen from two tokens on, or more",
                gemm->tokens >= 2 && k->gemm_tokens[layout->id] == gemm->tokens);
    expect_true(gather->name, "selected", (any_fn *)k->gather[layout->id] == gather->fn);
    const matrix_row *lut = best(lut_rows, layout->id, isa);
    any_fn *wanted = gemv->uses_lut && lut != NULL ? lut->fn : NULL;
    expect_true(gemv->name, "tables exactly where they are read",
                gemv->uses_lut == (wanted != NULL) && (any_fn *)k->lut[layout->id] == wanted);
}

void test_registry(void) {
    for (uint32_t isa = 0; isa < LW_ISA_COUNT; isa++) {
        lw_kernels k;
        memset(&k, 0xa5, sizeof k);
        lw_kernels_select(isa, &k);
        describe("isa %u", isa);
        for (const layout_row *layout = layout_rows; layout->name != NULL; layout++) {
            check_layout(&k, layout, isa);
        }
        const struct {
            const char *slot;
            any_fn *fn;
        } slots[] = {
            {"gemv_f16", (any_fn *)k.gemv_f16},
            {"gemv_f32", (any_fn *)k.gemv_f32},
            {"rmsnorm", (any_fn *)k.rmsnorm},
            {"quantize", (any_fn *)k.quantize},
            {"add", (any_fn *)k.add},
            {"relu2_mul", (any_fn *)k.relu2_mul},
            {"silu_mul", (any_fn *)k.silu_mul},
            {"rope", (any_fn *)k.rope},
            {"to_f16", (any_fn *)k.to_f16},
            {"attention", (any_fn *)k.attention},
            {"attention_q8", (any_fn *)k.attention_q8},
            {"split_groups", (any_fn *)k.split_groups},
            {"split_estimate", (any_fn *)k.split_estimate},
            {"split_refine", (any_fn *)k.split_refine},
        };
        for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
            any_fn *wanted = NULL;
            for (const vector_row *row = vector_rows; row->name != NULL; row++) {
                if (strcmp(row->slot, slots[i].slot) == 0 && lw_isa_includes(isa, row->isa)) {
                    wanted = row->fn;
                }
            }
            expect_true(slots[i].slot, "selected", wanted != NULL && slots[i].fn == wanted);
        }
    }
}
