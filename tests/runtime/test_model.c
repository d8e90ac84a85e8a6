/* lw_model_open: a valid file opens, and every kind of damage is refused with its own name and
 * place. */
#include <stddef.h>
#include <string.h>

#include "check.h"
#include "crc32.h"
#include "lutwerk/lutwerk.h"
#include "model_bytes.h"
#include "signature.h"
#include "toy_model.h"

/* Operations of the toy model's first layer. */
enum {
    EMBED,
    RMSNORM,
    QUANTIZE,
    MATMUL,
    ROPE_Q,
    ROPE_K,
    KV_STORE,
    ATTENTION,
    QUANTIZE_O,
    MATMUL_O,
    ADD
};

/* Write `value` to the 4 bytes at `offset` in record `record` of a section; checksums are made
 * right. */
typedef struct {
    uint32_t section;
    uint32_t record;
    size_t offset;
    uint32_t value;
    lw_status status;
    uint32_t detail;
} damage;

#define CONF(field, value)                                                                         \
    {LW_CONF, 0, offsetof(lw_conf_record, field), value, LW_ERR_CONFIG, LW_CONF}
#define TENS(index, field, value, status)                                                          \
    {LW_TENS, index, offsetof(lw_tensor_record, field), value, status, index}
#define PLAN(index, field, value)                                                                  \
    {LW_PLAN, index, offsetof(lw_op_record, field), value, LW_ERR_OP, index}
#define LAST_OP (TOY_OPS - 1)
#define NAN_BITS 0x7FC00000u
#define SCALES_TENSOR 3 /* ternary, base3 */

static const damage damages[] = {
    CONF(vocab, 0),
    CONF(vocab, (1u << 24) + 1),
    CONF(hidden, 0),
    CONF(layers, 4097),
    CONF(heads, 5),
    CONF(kv_heads, 0),
    CONF(kv_heads, 8),
    CONF(head_dim, 11),
    CONF(head_dim, 0),
    CONF(max_context, 0),
    CONF(chunk, 0),
    CONF(chunk, 4097),
    CONF(head_begin, TOY_OPS),
    CONF(isa, LW_ISA_COUNT),
    CONF(bos, TOY_VOCAB),
    CONF(tensors, (1u << 20) + 1),
    CONF(ops, 0),
    CONF(kv_type, 2),
    CONF(arena_bytes, 63),
    CONF(zero1[60], 1),
    {LW_CONF, 0, offsetof(lw_conf_record, tensors), TOY_TENSORS - 1, LW_ERR_SECTION, LW_TENS},
    {LW_CONF, 0, offsetof(lw_conf_record, ops), TOY_OPS + 1, LW_ERR_SECTION, LW_PLAN},
    {LW_CONF, 0, offsetof(lw_conf_record, arena_bytes), 0, LW_ERR_OP, EMBED},

    TENS(2, format, 0, LW_ERR_FORMAT),
    TENS(2, format, 4096, LW_ERR_FORMAT),
    TENS(2, format, UINT32_MAX, LW_ERR_FORMAT),
    TENS(2, layout, 0, LW_ERR_LAYOUT),
    TENS(2, layout, UINT32_MAX, LW_ERR_LAYOUT),
    TENS(2, layout, 2, LW_ERR_LAYOUT),
    TENS(2, fingerprint, 1, LW_ERR_FINGERPRINT),
    TENS(2, name_offset, UINT32_MAX, LW_ERR_TENSOR),
    TENS(2, name_bytes, 3, LW_ERR_TENSOR),
    TENS(2, rows, 0, LW_ERR_TENSOR),
    TENS(2, rows, UINT32_MAX, LW_ERR_TENSOR),
    TENS(2, cols, 0, LW_ERR_TENSOR),
    TENS(2, cols, (1u << 22) + 1, LW_ERR_TENSOR),
    TENS(2, zero, 1, LW_ERR_TENSOR),
    TENS(2, codes_offset, 0, LW_ERR_TENSOR),
    TENS(2, codes_bytes, 0, LW_ERR_TENSOR),
    TENS(2, scales_offset, 64, LW_ERR_TENSOR),
    TENS(SCALES_TENSOR, scales_offset, 0, LW_ERR_TENSOR),
    TENS(SCALES_TENSOR, scales_bytes, 0, LW_ERR_TENSOR),

    PLAN(EMBED, op, 0),
    PLAN(EMBED, op, 12),
    PLAN(EMBED, op, UINT32_MAX),
    PLAN(EMBED, layer, 1),
    PLAN(EMBED, tensor, TOY_TENSORS),
    PLAN(EMBED, tensor, LW_NO_TENSOR),
    PLAN(EMBED, tensor, 1),
    PLAN(EMBED, param, 1),
    PLAN(EMBED, dst.offset, 2),
    PLAN(EMBED, dst.offset, UINT32_MAX),
    PLAN(EMBED, dst.stride, TOY_HIDDEN - 1),
    PLAN(EMBED, dst.stride, UINT32_MAX),
    PLAN(EMBED, dst.width, 0),
    PLAN(EMBED, dst.width, TOY_HIDDEN - 1),
    PLAN(EMBED, src[0].width, 1),
    PLAN(EMBED, src[1].offset, 4),
    PLAN(EMBED, zero[24], 1),
    PLAN(EMBED, share, 1),
    PLAN(MATMUL, share, (1 << 24) + 1),
    PLAN(RMSNORM, param, NAN_BITS),
    PLAN(RMSNORM, tensor, 0),
    PLAN(RMSNORM, src[0].width, TOY_HIDDEN - 1),
    PLAN(QUANTIZE, tensor, 0),
    PLAN(QUANTIZE, dst.stride, 128),
    PLAN(QUANTIZE, dst.offset, 32),
    PLAN(QUANTIZE, src[0].width, TOY_HIDDEN - 1),
    PLAN(MATMUL, tensor, 1),
    PLAN(MATMUL, tensor, SCALES_TENSOR + 1),
    PLAN(MATMUL, op, LW_OP_matmul_float),
    PLAN(MATMUL, src[0].offset, 0), /* activations that were not quantised */
    PLAN(MATMUL, src[0].width, TOY_HIDDEN + 1),
    PLAN(ROPE_Q, dst.width, TOY_HEAD_DIM - 1),
    PLAN(ROPE_Q, tensor, 2),
    PLAN(KV_STORE, layer, TOY_LAYERS),
    PLAN(KV_STORE, src[1].width, 10),
    PLAN(KV_STORE, dst.width, 1),
    PLAN(ATTENTION, layer, 1),
    PLAN(ATTENTION, layer, UINT32_MAX),
    PLAN(ATTENTION, param, 0x7F800000),
    PLAN(ADD, src[1].width, 1),
    PLAN(ADD, dst.offset, 4), /* overlaps a source without equalling it */
    PLAN(LAST_OP, dst.offset, 0),
    PLAN(LAST_OP, dst.stride, TOY_VOCAB + 1),
    PLAN(LAST_OP, op, LW_OP_rope),

    {LW_GOLD, 0, 0, 0, LW_ERR_SECTION, LW_GOLD},
    {LW_GOLD, 0, 0, 3, LW_ERR_SECTION, LW_GOLD},
    {LW_GOLD, 0, 0, TOY_CONTEXT + 1, LW_ERR_SECTION, LW_GOLD},
    {LW_GOLD, 0, 8, TOY_VOCAB, LW_ERR_TOKEN, LW_GOLD},
};

static uint8_t *toy;
static size_t toy_bytes;

static void expect(const uint8_t *file, size_t bytes, int check_weights, lw_status status,
                   uint32_t detail, const char *what, size_t row) {
    lw_model model = {{0}};
    const lw_model untouched = model;
    uint32_t actual_detail = 0;
    const lw_status actual = lw_model_open(file, bytes, check_weights, &model, &actual_detail);
    if (actual != status || actual_detail != detail) {
        fprintf(stderr, "%s %zu: %s at %u, expected %s at %u\n", what, row, lw_status_name(actual),
                actual_detail, lw_status_name(status), detail);
        exit(1);
    }
    CHECK(status == LW_OK || memcmp(&model, &untouched, sizeof model) == 0);
}

/* A copy of the toy model with room for nothing more than `bytes`. */
static uint8_t *copy_toy(size_t bytes) {
    uint8_t *file = allocate_aligned(bytes);
    memcpy(file, toy, bytes < toy_bytes ? bytes : toy_bytes);
    if (bytes > toy_bytes)
        memset(file + toy_bytes, 0, bytes - toy_bytes);
    return file;
}

static void test_records(void) {
    static const size_t record_bytes[LW_SECTION_COUNT] = {[LW_TENS] = sizeof(lw_tensor_record),
                                                          [LW_PLAN] = sizeof(lw_op_record)};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const damage *d = &damages[i];
        uint8_t *file = copy_toy(toy_bytes);
        uint8_t *record =
            (uint8_t *)section_of(file, d->section) + d->record * record_bytes[d->section];
        memcpy(record + d->offset, &d->value, sizeof d->value);
        expect(file, toy_bytes, 0, LW_ERR_CHECKSUM, d->section, "unfixed damage", i);
        fix_checksums(file, toy_bytes);
        expect(file, toy_bytes, 0, d->status, d->detail, "damage", i);
        free(file);
    }
}

static void test_lengths(void) {
    for (size_t bytes = 0; bytes < toy_bytes; bytes += bytes < 400 ? 1 : 997) {
        uint8_t *file = copy_toy(bytes);
        expect(file, bytes, 0, LW_ERR_TRUNCATED, UINT32_MAX, "truncated to", bytes);
        free(file);
    }
    uint8_t *file = copy_toy(toy_bytes + 1);
    expect(file, toy_bytes + 1, 0, LW_ERR_OVERSIZED, UINT32_MAX, "extended by", 1);
    ((lw_header_record *)(void *)file)->bytes++;
    fix_checksums(file, toy_bytes + 1);
    expect(file, toy_bytes + 1, 0, LW_ERR_SECTION, LW_DATA, "extended and declared", 1);
    free(file);
}

/* One bit flipped in each byte of the header, the section table and the padding behind STRS. */
static void test_header_bits(void) {
    const size_t table_end =
        sizeof(lw_header_record) + LW_SECTION_COUNT * sizeof(lw_section_record);
    uint8_t *file = copy_toy(toy_bytes);
    const size_t padding = (size_t)((uint8_t *)section_of(file, LW_STRS) - file) + 2;
    const size_t padding_end = (padding + LW_ALIGN - 1) / LW_ALIGN * LW_ALIGN;
    for (size_t i = 0; i < padding_end; i = i + 1 == table_end ? padding : i + 1) {
        lw_model model;
        file[i] ^= 0x10;
        const lw_status status = lw_model_open(file, toy_bytes, 0, &model, NULL);
        file[i] ^= 0x10;
        if (i < 8)
            CHECK_EQUAL(status, LW_ERR_MAGIC);
        else if (i < 12)
            CHECK_EQUAL(status, LW_ERR_VERSION);
        else if (i < 32)
            CHECK_EQUAL(status, LW_ERR_CHECKSUM);
        else if (i < 64 || i >= padding)
            CHECK_EQUAL(status, LW_ERR_SECTION);
        else
            CHECK_EQUAL(status, LW_ERR_CHECKSUM);
    }
    /* The same in the table with right checksums: only the CRC field of DATA goes unread. */
    for (size_t i = sizeof(lw_header_record); i < table_end; i++) {
        lw_model model;
        lw_section_record table[LW_SECTION_COUNT];
        lw_header_record *header = (lw_header_record *)(void *)file;
        file[i] ^= 0x10;
        memcpy(table, file + sizeof *header, sizeof table);
        header->table_crc = lw_crc32(table, sizeof table);
        header->header_crc = lw_crc32(header, offsetof(lw_header_record, header_crc));
        const lw_status status = lw_model_open(file, toy_bytes, 0, &model, NULL);
        const size_t section = (i - sizeof *header) / sizeof *table;
        const size_t field = (i - sizeof *header) % sizeof *table;
        if (field >= 4 && field < 8)
            CHECK_EQUAL(status, section == LW_DATA ? LW_OK : LW_ERR_CHECKSUM);
        else if (field >= 16 && field < 24) /* a section may grow into the padding behind it */
            CHECK(status == LW_ERR_SECTION || status == LW_ERR_CHECKSUM);
        else
            CHECK_EQUAL(status, LW_ERR_SECTION);
        file[i] ^= 0x10;
    }
    free(file);
}

static void test_weights(void) {
    uint8_t *file = copy_toy(toy_bytes);
    const lw_tensor_record *base3 = (lw_tensor_record *)section_of(file, LW_TENS) + SCALES_TENSOR;
    uint8_t *codes = (uint8_t *)section_of(file, LW_DATA) + base3->codes_offset;
    codes[5] = 243;
    expect(file, toy_bytes, 0, LW_OK, UINT32_MAX, "unread weights", 0);
    expect(file, toy_bytes, 1, LW_ERR_CHECKSUM, LW_DATA, "checked weights", 0);
    fix_checksums(file, toy_bytes);
    expect(file, toy_bytes, 1, LW_ERR_TENSOR, SCALES_TENSOR, "base3 code", 243);
    codes[5] = 242;
    fix_checksums(file, toy_bytes);
    expect(file, toy_bytes, 1, LW_OK, UINT32_MAX, "base3 code", 242);
    free(file);
}

/* DATA ends within a tensor, and the file says so consistently. */
static void test_short_data(void) {
    const lw_tensor_record *base3 = (lw_tensor_record *)section_of(toy, LW_TENS) + SCALES_TENSOR;
    const size_t data_at = (size_t)((uint8_t *)section_of(toy, LW_DATA) - toy);
    const size_t bytes = data_at + (size_t)base3->codes_offset + 10;
    uint8_t *file = copy_toy(bytes);
    lw_header_record *header = (lw_header_record *)(void *)file;
    lw_section_record *table = (lw_section_record *)(void *)(header + 1);
    header->bytes = bytes;
    table[LW_DATA].bytes = bytes - data_at;
    fix_checksums(file, bytes);
    expect(file, bytes, 1, LW_ERR_TENSOR, SCALES_TENSOR, "DATA cut to", bytes);
    free(file);
}

static void test_accessors(void) {
    lw_model model;
    lw_model_info info;
    lw_tensor_info tensor;
    const char *one, *many;
    CHECK_EQUAL(lw_model_open(toy, toy_bytes, 1, &model, NULL), LW_OK);
    lw_model_get_info(&model, &info);
    CHECK_EQUAL(info.vocab, TOY_VOCAB);
    CHECK_EQUAL(info.chunk, TOY_CHUNK);
    CHECK_EQUAL(info.tensors, TOY_TENSORS);
    CHECK_EQUAL(info.bos, UINT32_MAX);
    CHECK_EQUAL(info.kv_bytes_per_token, TOY_LAYERS * 2 * TOY_KV_HEADS * TOY_HEAD_DIM * 2);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < info.tensors; i++) {
        CHECK_EQUAL(lw_model_get_tensor(&model, i, &tensor), LW_OK);
        bytes += tensor.bytes;
    }
    CHECK_EQUAL(info.weight_bytes, bytes);
    CHECK_EQUAL(lw_model_get_tensor(&model, SCALES_TENSOR, &tensor), LW_OK);
    CHECK(strcmp(tensor.format_name, "ternary") == 0 && strcmp(tensor.layout_name, "base3") == 0);
    CHECK(tensor.name_bytes == 1 && tensor.name[0] == 'b');
    CHECK_EQUAL(lw_model_get_tensor(&model, TOY_TENSORS, &tensor), LW_ERR_ARGUMENT);

    CHECK_EQUAL(lw_model_get_kernel(&model, SCALES_TENSOR, LW_ISA_scalar, 1, &one), LW_OK);
    CHECK_EQUAL(lw_model_get_kernel(&model, SCALES_TENSOR, LW_ISA_scalar, 2, &many), LW_OK);
    CHECK(strcmp(one, "gemv_base3_mul_scalar") == 0 && strcmp(many, "gemm_base3_mul_scalar") == 0);
    CHECK_EQUAL(lw_model_get_kernel(&model, 0, LW_ISA_scalar, 1, &one), LW_OK);
    CHECK(!one);
    CHECK_EQUAL(lw_model_get_kernel(&model, 0, LW_ISA_scalar, 0, &one), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_model_get_kernel(&model, 0, LW_ISA_COUNT, 1, &one), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_model_open(toy + 4, toy_bytes - 4, 0, &model, NULL), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_model_open(NULL, 0, 0, &model, NULL), LW_ERR_ARGUMENT);
}

int main(void) {
    toy = toy_model_build(3, TOY_HEAD_F16, &toy_bytes);
    test_records();
    test_lengths();
    test_header_bits();
    test_weights();
    test_short_data();
    test_accessors();
    free(toy);
    return 0;
}
