/* Names, instruction sets and their dispatch. */
#include <string.h>

#include "check.h"
#include "crc32.h"
#include "layout.h"
#include "lutwerk/lutwerk.h"
#include "registry.h"

static void test_names(void) {
    CHECK(strcmp(lw_version(), LW_VERSION) == 0);
    CHECK(strcmp(lw_status_name(LW_OK), "OK") == 0);
    CHECK(strcmp(lw_status_name(LW_ERR_MAGIC), "ERR_MAGIC") == 0);
    CHECK(strcmp(lw_status_message(LW_OK), "success") == 0);
    CHECK(strcmp(lw_status_name(UINT32_MAX), "ERR_UNKNOWN") == 0);
    CHECK(strlen(lw_status_message(1000)) > 0);
    CHECK(strcmp(lw_isa_name(LW_ISA_avx512), "avx512") == 0);
    CHECK(strcmp(lw_isa_name(LW_ISA_COUNT), "unknown") == 0);
}

static void test_dispatch(void) {
    CHECK(lw_cpu_count() >= 1);
    CHECK(lw_cpu_isa() < LW_ISA_COUNT);
#if defined(__x86_64__) && defined(__AVX2__)
    CHECK(lw_isa_includes(lw_cpu_isa(), LW_ISA_avx2));
#elif defined(__aarch64__)
    CHECK(lw_isa_includes(lw_cpu_isa(), LW_ISA_neon));
#elif !defined(__x86_64__)
    CHECK_EQUAL(lw_cpu_isa(), LW_ISA_scalar);
#endif
#if defined(__x86_64__) && defined(__linux__)
    /* The compiler's own detection, which also asks the operating system. */
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
    CHECK_EQUAL(lw_cpu_isa() >= LW_ISA_avx2, avx2);
    const int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
    CHECK_EQUAL(lw_cpu_isa() >= LW_ISA_avx512, avx2 && avx512);
#endif
}

/* Whether a kernel's name ends with an instruction set that a processor with `isa` has. */
static bool runs_on(const char *kernel, uint32_t isa) {
    const char *suffix = strrchr(kernel, '_') + 1;
    for (uint32_t i = 0; i < LW_ISA_COUNT; i++)
        if (strcmp(suffix, lw_isa_name(i)) == 0)
            return lw_isa_includes(isa, i);
    return false;
}

static void test_inclusion(void) {
    static const char *const included[LW_ISA_COUNT] = {
        [LW_ISA_scalar] = "scalar",
        [LW_ISA_avx2] = "scalar avx2",
        [LW_ISA_avx512] = "scalar avx2 avx512",
        [LW_ISA_neon] = "scalar neon",
        [LW_ISA_dotprod] = "scalar neon dotprod",
        [LW_ISA_i8mm] = "scalar neon dotprod i8mm",
    };
    for (uint32_t isa = 0; isa < LW_ISA_COUNT; isa++) {
        CHECK(included[isa]);
        for (uint32_t other = 0; other < LW_ISA_COUNT; other++)
            CHECK_EQUAL(lw_isa_includes(isa, other),
                        strstr(included[isa], lw_isa_name(other)) != NULL);
    }
    CHECK(!lw_isa_includes(LW_ISA_COUNT, LW_ISA_scalar) &&
          !lw_isa_includes(LW_ISA_avx2, UINT32_MAX));
}

/* Each instruction set has every kernel: its own, or one of a lower set. */
static void test_selection(void) {
    for (uint32_t isa = 0; isa < LW_ISA_COUNT; isa++) {
        lw_kernels kernels;
        lw_kernels_select(isa, &kernels);
        for (uint32_t id = 0; id < LW_LAYOUT_SLOTS; id++) {
            const bool packed = lw_find_layout(id) && id != LW_LAYOUT_rows;
            CHECK((kernels.gemv[id] != NULL) == packed);
            CHECK((kernels.gemm[id] != NULL) == packed);
            CHECK((kernels.gather[id] != NULL) == packed);
            if (packed)
                for (uint32_t tokens = 1; tokens <= 8; tokens++)
                    CHECK(runs_on(lw_kernels_name(isa, id, tokens), isa));
            CHECK(!kernels.lut[id] || lw_find_layout(id)->lut_bytes > 0);
        }
        CHECK(kernels.gemv_f16 && kernels.gemv_f32 && kernels.rmsnorm && kernels.quantize);
        CHECK(kernels.add && kernels.relu2_mul && kernels.silu_mul && kernels.rope);
        CHECK(kernels.to_f16 && kernels.attention);
    }
}

/* Names are those of the instruction set asked for, also where this build is for another
 * architecture. */
static void test_kernel_names(void) {
    static const struct {
        uint32_t isa, layout, tokens;
        const char *name;
    } expected[] = {
        {LW_ISA_scalar, LW_LAYOUT_base3, 1, "gemv_base3_mul_scalar"},
        {LW_ISA_avx2, LW_LAYOUT_split, 1, "gemv_split_mul_avx2"},
        {LW_ISA_avx2, LW_LAYOUT_fields, 128, "gemm_fields_mul_avx2"},
        {LW_ISA_avx512, LW_LAYOUT_base3, 1, "gemv_base3_lut_avx512"},
        {LW_ISA_neon, LW_LAYOUT_fields, 1, "gemv_fields_mul_neon"},
        {LW_ISA_dotprod, LW_LAYOUT_fields, 1, "gemv_fields_mul_dotprod"},
        {LW_ISA_dotprod, LW_LAYOUT_planes, 1, "gemv_planes_lut_neon"},
        {LW_ISA_dotprod, LW_LAYOUT_base3, 128, "gemm_base3_mul_dotprod"},
        {LW_ISA_i8mm, LW_LAYOUT_split, 1, "gemv_split_mul_dotprod"},
        {LW_ISA_i8mm, LW_LAYOUT_split, 128, "gemm_split_mul_i8mm"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        CHECK(strcmp(lw_kernels_name(expected[i].isa, expected[i].layout, expected[i].tokens),
                     expected[i].name) == 0);
    CHECK(!lw_kernels_name(LW_ISA_scalar, LW_LAYOUT_rows, 1));
    CHECK(!lw_kernels_name(LW_ISA_COUNT, LW_LAYOUT_base3, 1));
}

/* Values computed by hand from FORMAT.md, "Layouts". */
static void test_layouts(void) {
    CHECK_EQUAL(lw_crc32("123456789", 9), 0xCBF43926); /* the check value of CRC-32/ISO-HDLC */
    CHECK_EQUAL(lw_crc32("", 0), 0);
    CHECK_EQUAL(lw_layout_fingerprint(lw_find_layout(LW_LAYOUT_base3)),
                lw_crc32("base3:64:5:5:256", 16));
    CHECK(!lw_find_layout(0) && !lw_find_layout(UINT32_MAX));
    CHECK(!lw_find_format(0) && !lw_find_format(UINT32_MAX));

    CHECK_EQUAL(lw_codes_bytes(LW_LAYOUT_rows, LW_FORMAT_f16, 3, 7), 42);
    CHECK_EQUAL(lw_codes_bytes(LW_LAYOUT_fields, LW_FORMAT_i6g64, 17, 33), 2 * 2 * 64 * 6);
    CHECK_EQUAL(lw_codes_bytes(LW_LAYOUT_planes, LW_FORMAT_i3g32, 64, 32), 256 * 3);
    CHECK_EQUAL(lw_codes_bytes(LW_LAYOUT_base3, LW_FORMAT_ternary, 65, 6), 2 * 2 * 64);
    CHECK_EQUAL(lw_codes_bytes(LW_LAYOUT_rows, LW_FORMAT_f32, 1u << 24, 1u << 22), 1LL << 48);
    CHECK_EQUAL(lw_scales_bytes(LW_LAYOUT_base3, LW_FORMAT_ternary, 65, 6), 128 * 4);
    CHECK_EQUAL(lw_scales_bytes(LW_LAYOUT_fields, LW_FORMAT_i4g32, 17, 33), 32 * 2 * 2);
    CHECK_EQUAL(lw_scales_bytes(LW_LAYOUT_rows, LW_FORMAT_f32, 17, 33), 0);
    CHECK_EQUAL(lw_scales_bytes(LW_LAYOUT_fields, LW_FORMAT_u4g32, 17, 65), 192 + 96);
    CHECK_EQUAL(lw_scales_bytes(LW_LAYOUT_fields, LW_FORMAT_u4g32, 33, 65), 320 + 144);
    CHECK_EQUAL(lw_zeros_bytes(LW_LAYOUT_fields, LW_FORMAT_u4g32, 33, 65), 144);
    CHECK_EQUAL(lw_zeros_bytes(LW_LAYOUT_fields, LW_FORMAT_i4g32, 33, 65), 0);
    CHECK_EQUAL(lw_codes_bytes(LW_LAYOUT_planes, LW_FORMAT_b1row, 64, 32), 256);
    CHECK_EQUAL(lw_lut_tables(lw_find_layout(LW_LAYOUT_planes), 33), 16);
    CHECK_EQUAL(lw_lut_tables(lw_find_layout(LW_LAYOUT_base3), 33), 7);
    CHECK_EQUAL(lw_lut_tables(lw_find_layout(LW_LAYOUT_fields), 33), 0);
    CHECK(lw_layout_accepts(LW_LAYOUT_base3, LW_FORMAT_ternary));
    CHECK(!lw_layout_accepts(LW_LAYOUT_base3, LW_FORMAT_i2g32));
    CHECK(!lw_layout_accepts(LW_LAYOUT_rows, LW_FORMAT_ternary));
    CHECK(!lw_layout_accepts(LW_LAYOUT_fields, LW_FORMAT_f16));
    CHECK_EQUAL(lw_format_offset(lw_find_format(LW_FORMAT_ternary)), 1);
    CHECK_EQUAL(lw_format_offset(lw_find_format(LW_FORMAT_i8g64)), 128);
    CHECK_EQUAL(lw_format_offset(lw_find_format(LW_FORMAT_u8g64)), 0);
    CHECK_EQUAL(lw_format_offset(lw_find_format(LW_FORMAT_b1g64)), 1);

    /* the greatest widths at which cols * 2^(bits + 1) * 127 stays below 2^31 */
    CHECK(lw_sums_exact(LW_FORMAT_i8row, 33026) && !lw_sums_exact(LW_FORMAT_i8row, 33027));
    CHECK(lw_sums_exact(LW_FORMAT_i2row, 2113665) && !lw_sums_exact(LW_FORMAT_i2row, 2113666));
    CHECK(lw_sums_exact(LW_FORMAT_i8g128, 1u << 22) && lw_sums_exact(LW_FORMAT_ternary, 1u << 22));
}

int main(void) {
    test_names();
    test_dispatch();
    test_inclusion();
    test_selection();
    test_kernel_names();
    test_layouts();
    return 0;
}
