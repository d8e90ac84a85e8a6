/* The tokeniser of the toy section: what its tables say, limits of the interface, and damage that
 * is refused. */
#include <string.h>

#include "check.h"
#include "model_bytes.h"
#include "tables.h"
#include "toy_model.h"
#include "toy_text.h"

enum { MAX_IDS = 64 };

static uint8_t *section;
static size_t section_bytes;
static lw_text text;

static size_t encode(const char *utf8, size_t bytes, uint32_t flags, uint32_t *ids,
                     size_t capacity) {
    const size_t size = lw_text_scratch_bytes(&text, bytes);
    void *scratch = allocate_aligned(size);
    size_t count;
    CHECK_EQUAL(lw_text_encode(&text, utf8, bytes, flags, scratch, size, ids, capacity, &count),
                LW_OK);
    free(scratch);
    return count;
}

static void expect_ids(const char *utf8, uint32_t flags, const uint32_t *expected, size_t count) {
    uint32_t ids[MAX_IDS];
    CHECK_EQUAL(encode(utf8, strlen(utf8), flags, ids, MAX_IDS), count);
    for (size_t i = 0; i < count; i++)
        CHECK_EQUAL(ids[i], expected[i]);
}

#define EXPECT_IDS(utf8, flags, ...)                                                               \
    do {                                                                                           \
        const uint32_t ids_[] = {__VA_ARGS__};                                                     \
        expect_ids(utf8, flags, ids_, sizeof ids_ / sizeof *ids_);                                 \
    } while (0)

static void test_encoding(void) {
    EXPECT_IDS("a", 0, TOY_MARK, TOY_A);
    EXPECT_IDS("", LW_TEXT_TEMPLATE, TOY_BOS, TOY_B);
    EXPECT_IDS("a", LW_TEXT_TEMPLATE, TOY_BOS, TOY_MARK, TOY_A, TOY_B);
    /* lstrip of <s> takes the spaces before it, rstrip of <unk> those behind. */
    EXPECT_IDS("a <s><unk>  a", LW_TEXT_SPECIAL, TOY_MARK, TOY_A, TOY_BOS, TOY_UNK, TOY_MARK,
               TOY_A);
    EXPECT_IDS("<s>", 0, TOY_MARK, TOY_BYTE + '<', TOY_BYTE + 's', TOY_BYTE + '>');
    EXPECT_IDS("e\xCC\x81", 0, TOY_MARK, TOY_E_ACUTE);
    EXPECT_IDS("\xFF", 0, TOY_MARK, TOY_BYTE + 0xEF, TOY_BYTE + 0xBF, TOY_BYTE + 0xBD);
}

static void test_capacity(void) {
    uint32_t ids[2] = {7, 7};
    CHECK_EQUAL(encode("aaaa", 4, 0, ids, 1), 5);
    CHECK_EQUAL(ids[0], TOY_MARK);
    CHECK_EQUAL(ids[1], 7);
    CHECK_EQUAL(encode("aaaa", 4, LW_TEXT_TEMPLATE, NULL, 0), 7);
}

static void test_arguments(void) {
    uint32_t ids[MAX_IDS];
    size_t count;
    uint64_t scratch[1024];
    const size_t size = lw_text_scratch_bytes(&text, 4);
    CHECK(size <= sizeof scratch);
    CHECK_EQUAL(lw_text_encode(&text, "aaaa", 4, 0, scratch, size, ids, MAX_IDS, &count), LW_OK);
    CHECK_EQUAL(lw_text_encode(&text, "aaaa", 4, 0, scratch, size - 1, ids, MAX_IDS, &count),
                LW_ERR_WORKSPACE);
    CHECK_EQUAL(lw_text_encode(&text, "aaaa", 4, 4, scratch, size, ids, MAX_IDS, &count),
                LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_text_encode(&text, NULL, 4, 0, scratch, size, ids, MAX_IDS, &count),
                LW_ERR_ARGUMENT);
    CHECK_EQUAL(
        lw_text_encode(&text, "aaaa", 4, 0, (uint8_t *)scratch + 1, size, ids, MAX_IDS, &count),
        LW_ERR_ARGUMENT);
    CHECK(lw_text_scratch_bytes(&text, SIZE_MAX) == SIZE_MAX);
    CHECK_EQUAL(lw_text_encode(&text, "", SIZE_MAX, 0, scratch, size, ids, MAX_IDS, &count),
                LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_text_open(NULL, section_bytes, &text), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_text_open(section + 1, section_bytes - 1, &text), LW_ERR_ARGUMENT);
}

static void test_pieces(void) {
    const char *bytes;
    size_t count;
    int special;
    CHECK_EQUAL(lw_text_get_piece(&text, TOY_BOS, &bytes, &count, &special), LW_OK);
    CHECK(count == 3 && memcmp(bytes, "<s>", 3) == 0 && special == 1);
    CHECK_EQUAL(lw_text_get_piece(&text, TOY_BYTE + 0xE2, &bytes, &count, &special), LW_OK);
    CHECK(count == 1 && bytes[0] == '\xE2' && special == 0);
    CHECK_EQUAL(lw_text_get_piece(&text, TOY_TOKENS, &bytes, &count, &special), LW_ERR_TOKEN);
}

/* A stream gives `pieces[i]` for ids[i], and the last piece at its end. */
static void expect_stream(int continues, size_t count, const uint32_t *ids,
                          const char *const *pieces) {
    lw_text_info info;
    lw_text_get_info(&text, &info);
    char *out = allocate_aligned(info.piece_bytes);
    lw_text_stream stream;
    lw_text_start(&text, &stream, continues);
    for (size_t i = 0; i <= count; i++) {
        const size_t bytes = i < count ? lw_text_feed(&text, &stream, ids[i], 0, out)
                                       : lw_text_finish(&text, &stream, out);
        CHECK_EQUAL(bytes, strlen(pieces[i]));
        CHECK(memcmp(out, pieces[i], bytes) == 0);
    }
    free(out);
}

static void test_streams(void) {
    const uint32_t euro[] = {TOY_MARK_AB, TOY_BYTE + 0xE2, TOY_BYTE + 0x82, TOY_BYTE + 0xAC};
    expect_stream(0, 4, euro, (const char *[]){"ab", "", "", "\xE2\x82\xAC", ""});
    expect_stream(1, 4, euro, (const char *[]){" ab", "", "", "\xE2\x82\xAC", ""});
    const uint32_t broken[] = {TOY_BYTE + 0xE2, TOY_BYTE + 0x82, TOY_A, TOY_BYTE + 0xF0};
    expect_stream(0, 4, broken,
                  (const char *[]){"", "",
                                   "\xEF\xBF\xBD\xEF\xBF\xBD"
                                   "a",
                                   "", "\xEF\xBF\xBD"});
    const uint32_t spaces[] = {TOY_BOS, TOY_MARK, TOY_MARK_AB};
    expect_stream(0, 3, spaces, (const char *[]){"", "", " ab", ""});
}

static void test_damage(void) {
    uint8_t *copy = allocate_aligned(section_bytes);
    lw_text damaged;
    for (size_t bytes = 0; bytes < section_bytes; bytes += 4) {
        memcpy(copy, section, bytes);
        CHECK_EQUAL(lw_text_open(copy, bytes, &damaged), LW_ERR_TEXT);
    }
    /* Every count and every range of the header. */
    for (size_t field = 0; field < sizeof(lw_text_record) / sizeof(uint32_t); field++) {
        memcpy(copy, section, section_bytes);
        ((uint32_t *)(void *)copy)[field] = UINT32_MAX - 1;
        const bool is_free = field == offsetof(lw_text_record, bos) / sizeof(uint32_t);
        CHECK_EQUAL(lw_text_open(copy, section_bytes, &damaged), is_free ? LW_OK : LW_ERR_TEXT);
    }
    free(copy);
}

/* A model whose section TEXT is empty has no tokeniser. */
static void test_model_without(void) {
    size_t bytes;
    uint8_t *file = toy_model_build(1, TOY_HEAD_F16, &bytes);
    lw_model model;
    lw_text none;
    CHECK_EQUAL(lw_model_open(file, bytes, 1, &model, NULL), LW_OK);
    CHECK_EQUAL(lw_model_get_text(&model, &none), LW_ERR_ARGUMENT);
    free(file);
}

int main(void) {
    section = toy_text_build(&section_bytes);
    CHECK_EQUAL(lw_text_open(section, section_bytes, &text), LW_OK);
    test_encoding();
    test_capacity();
    test_arguments();
    test_pieces();
    test_streams();
    test_damage();
    test_model_without();
    free(section);
    return 0;
}
