/* The chat template of the toy section: what its tables say, limits of the interface, and a section
 * that needs a tokeniser. */
#include <string.h>

#include "chat_tables.h"
#include "check.h"
#include "model_bytes.h"
#include "toy_chat.h"
#include "toy_model.h"
#include "toy_text.h"

enum { MAX_IDS = 64 };

static uint8_t *text_section, *section;
static size_t text_bytes, section_bytes;
static lw_text text;
static lw_chat chat;

#define SYSTEM(s) {LW_CHAT_SYSTEM, s, sizeof s - 1}
#define USER(s) {LW_CHAT_USER, s, sizeof s - 1}
#define ANSWER(s) {LW_CHAT_ANSWER, s, sizeof s - 1}

static void expect_text(const lw_chat_message *messages, size_t count, const char *expected) {
    const size_t capacity = lw_chat_text_bytes(&chat, messages, count);
    char *utf8 = allocate_aligned(capacity);
    size_t bytes;
    CHECK_EQUAL(lw_chat_render(&chat, messages, count, 0, utf8, capacity, &bytes), LW_OK);
    CHECK_EQUAL(bytes, strlen(expected));
    CHECK(memcmp(utf8, expected, bytes) == 0);
    CHECK_EQUAL(lw_chat_render(&chat, messages, count, 0, utf8, capacity - 1, &bytes),
                LW_ERR_WORKSPACE);
    free(utf8);
}

#define EXPECT_TEXT(expected, ...)                                                                 \
    do {                                                                                           \
        const lw_chat_message messages_[] = {__VA_ARGS__};                                         \
        expect_text(messages_, sizeof messages_ / sizeof *messages_, expected);                    \
    } while (0)

static void test_text(void) {
    EXPECT_TEXT("u: xa<s>b:", USER(" x "));
    EXPECT_TEXT("u: xa<s>b: yu: za<s>b:", USER("x\n"), ANSWER(" y\xE3\x80\x80"), USER("z"));
    /* A system message stands before the first user; an empty one does not count. */
    EXPECT_TEXT("<s>s\n\n xa<s>b:", SYSTEM("s"), USER(" x"));
    EXPECT_TEXT("u: xa<s>b:", SYSTEM(""), USER(" x"));
    EXPECT_TEXT("<s> \n\nxa<s>b:", SYSTEM(" "), USER("x"));
    /* White space is taken through the gap, up to the token. */
    EXPECT_TEXT("<s>a<s>b:", SYSTEM(" "), USER(" \n"));
    /* Behind the last cut. */
    EXPECT_TEXT("u: xa<s>b: yu: za<s>b:", USER("x"), ANSWER("q/tr/t\n\n y"), USER("z"));
    EXPECT_TEXT("u: xa<s>b:/u: za<s>b:", USER("x"), ANSWER("/"), USER("z"));
    /* Broken bytes, at the ends, too. */
    EXPECT_TEXT("u: \xEF\xBF\xBDx\xEF\xBF\xBD"
                "a<s>b:",
                USER(" \x80x\xE2\x80 "));
}

static void set_cut_strip(uint32_t strip) {
    ((lw_chat_record *)(void *)section)->cut_strip = strip;
    CHECK_EQUAL(lw_chat_open(section, section_bytes, &text, &chat), LW_OK);
}

/* White space that answers lose behind a cut, at both ends, without a cut, and to the gaps. */
static void test_cuts(void) {
    set_cut_strip(LW_CUT_SPACE);
    EXPECT_TEXT("u: xa<s>b:yu: za<s>b:", USER("x"), ANSWER("q/t\n \xC2\xA0y"), USER("z"));
    EXPECT_TEXT("u: xa<s>b: yu: za<s>b:", USER("x"), ANSWER(" y"), USER("z"));
    set_cut_strip(LW_CUT_NEWLINES | LW_CUT_BOTH_ENDS | LW_CUT_ALWAYS);
    EXPECT_TEXT("u: xa<s>b: \n yu: za<s>b:", USER("x"), ANSWER("\n \n y\n\n"), USER("z"));
    EXPECT_TEXT("u: xa<s>b:u: za<s>b:", USER("x"), ANSWER("/t\n\n"), USER("z"));
    set_cut_strip(LW_CUT_SPACE | LW_CUT_BOTH_ENDS);
    EXPECT_TEXT("u: xa<s>b:y\xEF\xBF\xBDu: za<s>b:", USER("x"), ANSWER("/t y\x80 "), USER("z"));
    /* Another gap before answers, which takes their first white space, but not of one that is cut.
     */
    lw_gap_record *gap =
        &((lw_chat_record *)(void *)section)->gaps[0][LW_AFTER_FIRST_USER][LW_BEFORE_ANSWER];
    gap->strip |= LW_STRIP_BEHIND;
    set_cut_strip(LW_CUT_NEWLINES | LW_CUT_KEEPS_BEGINNING);
    EXPECT_TEXT("u: xa<s>b: yu: za<s>b:", USER("x"), ANSWER("/t\n y"), USER("z"));
    EXPECT_TEXT("u: xa<s>b:yu: za<s>b:", USER("x"), ANSWER("\n y"), USER("z"));
    gap->strip &= ~(uint32_t)LW_STRIP_BEHIND;
    set_cut_strip(LW_CUT_NEWLINES);
}

static void test_faults(void) {
    static const struct {
        lw_chat_message messages[4];
        size_t count, index;
        lw_chat_fault fault;
    } cases[] = {
        {{USER("x")}, 1, 1, LW_CHAT_OK},
        {{USER("x")}, 0, 0, LW_CHAT_ORDER},
        {{SYSTEM("x")}, 1, 1, LW_CHAT_ORDER},
        {{USER("x"), ANSWER("y")}, 2, 2, LW_CHAT_ORDER},
        {{ANSWER("x")}, 1, 0, LW_CHAT_ORDER},
        {{USER("x"), SYSTEM("y"), USER("z")}, 3, 1, LW_CHAT_ORDER},
        {{{LW_CHAT_ROLES, "x", 1}}, 1, 0, LW_CHAT_ORDER},
        {{{UINT32_MAX, "x", 1}}, 1, 0, LW_CHAT_ORDER},
        {{{LW_CHAT_USER, NULL, 1}}, 1, 0, LW_CHAT_ORDER},
        {{{LW_CHAT_USER, NULL, 0}}, 1, 1, LW_CHAT_OK},
        {{USER("x"), ANSWER(""), USER("z")}, 3, 1, LW_CHAT_BLANK},
        {{USER("x"), ANSWER(" "), USER("50%")}, 3, 2, LW_CHAT_RESERVED},
        {{USER("x"), ANSWER("%"), USER("z")}, 3, 1, LW_CHAT_RESERVED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t index, bytes;
        const char *reserved;
        CHECK_EQUAL(
            lw_chat_check(&chat, cases[i].messages, cases[i].count, &index, &reserved, &bytes),
            cases[i].fault);
        CHECK_EQUAL(index, cases[i].index);
        CHECK_EQUAL(bytes, cases[i].fault == LW_CHAT_RESERVED);
        CHECK_EQUAL(lw_chat_check(&chat, cases[i].messages, cases[i].count, NULL, NULL, NULL),
                    cases[i].fault);
        char utf8[256];
        CHECK_EQUAL(
            lw_chat_render(&chat, cases[i].messages, cases[i].count, 0, utf8, sizeof utf8, &bytes),
            cases[i].fault == LW_CHAT_OK ? LW_OK : LW_ERR_ARGUMENT);
    }
}

static size_t encode(const lw_chat_message *messages, size_t count, size_t first, uint32_t *ids,
                     size_t capacity, lw_status expected) {
    const size_t size = lw_chat_scratch_bytes(&chat, messages, count);
    void *scratch = allocate_aligned(size);
    size_t found = 0;
    CHECK_EQUAL(lw_chat_encode(&chat, messages, count, first, scratch, size, ids, capacity, &found),
                expected);
    if (expected == LW_OK) {
        CHECK_EQUAL(
            lw_chat_encode(&chat, messages, count, first, scratch, size - 1, ids, capacity, &found),
            LW_ERR_WORKSPACE);
    }
    free(scratch);
    return found;
}

static void test_ids(void) {
    /* The template's own <s> is a token, lstrip takes the space before it; that of a message is
     * not. */
    const lw_chat_message messages[] = {SYSTEM("<s>"), USER("a<s>b")};
    static const uint32_t expected[] = {
        TOY_BOS,         TOY_MARK,        TOY_BYTE + '<', TOY_BYTE + 's', TOY_BYTE + '>',
        TOY_BYTE + '\n', TOY_BYTE + '\n', TOY_A,          TOY_BYTE + '<', TOY_BYTE + 's',
        TOY_BYTE + '>',  TOY_B,           TOY_A,          TOY_BOS};
    uint32_t ids[MAX_IDS];
    const size_t count = encode(messages, 2, 0, ids, MAX_IDS, LW_OK);
    CHECK(count > sizeof expected / sizeof *expected);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        CHECK_EQUAL(ids[i], expected[i]);
    ids[1] = 7;
    CHECK_EQUAL(encode(messages, 2, 0, ids, 1, LW_OK), count);
    CHECK_EQUAL(ids[1], 7);
    CHECK_EQUAL(encode(messages, 2, 0, NULL, 0, LW_OK), count);
}

static void test_appending(void) {
    const lw_chat_message messages[] = {USER("b"), ANSWER("x"), USER("b")};
    uint32_t ids[MAX_IDS];
    encode(messages, 3, 2, ids, MAX_IDS, LW_ERR_ARGUMENT);
    lw_chat_record *r = (lw_chat_record *)(void *)section;
    r->flags |= LW_CHAT_APPENDS;
    CHECK_EQUAL(lw_chat_open(section, section_bytes, &text, &chat), LW_OK);
    encode(messages, 3, 1, ids, MAX_IDS, LW_ERR_ARGUMENT);
    encode(messages, 3, 3, ids, MAX_IDS, LW_ERR_ARGUMENT);
    /* Nothing is put in front of what follows another text. */
    CHECK(encode(messages, 3, 2, ids, MAX_IDS, LW_OK) > 0);
    CHECK_EQUAL(ids[0], TOY_BYTE + 'u');
    CHECK(encode(messages, 3, 0, ids, MAX_IDS, LW_OK) > 0);
    CHECK_EQUAL(ids[0], TOY_MARK);
    r->flags &= ~(uint32_t)LW_CHAT_APPENDS;
    CHECK_EQUAL(lw_chat_open(section, section_bytes, &text, &chat), LW_OK);
}

static void test_info(void) {
    lw_chat_info info;
    lw_chat_get_info(&chat, &info);
    CHECK_EQUAL(info.system, 1);
    CHECK_EQUAL(info.appends, 0);
    CHECK_EQUAL(info.end, TOY_BOS);
    CHECK_EQUAL(info.stop_bytes, 3);
    CHECK(memcmp(info.stop, "u: ", 3) == 0);
}

static void test_limits(void) {
    const lw_chat_message huge[] = {{LW_CHAT_USER, "x", (size_t)UINT32_MAX}};
    CHECK_EQUAL(lw_chat_text_bytes(&chat, huge, 1), SIZE_MAX);
    CHECK_EQUAL(lw_chat_scratch_bytes(&chat, huge, 1), SIZE_MAX);
    CHECK_EQUAL(lw_chat_scratch_bytes(&chat, huge, SIZE_MAX), SIZE_MAX);
    CHECK_EQUAL(lw_chat_open(NULL, section_bytes, &text, &chat), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_chat_open(section + 1, section_bytes, &text, &chat), LW_ERR_ARGUMENT);
    CHECK_EQUAL(lw_chat_open(section, section_bytes - 4, &text, &chat), LW_ERR_CHAT);
}

/* The model's file: with a tokeniser and a template, and with one that nothing tokenises for. */
static void test_model(void) {
    size_t bytes;
    uint8_t *plain = toy_model_build(1, TOY_HEAD_F16, &bytes);
    lw_model model;
    lw_chat opened;
    CHECK_EQUAL(lw_model_open(plain, bytes, 0, &model, NULL), LW_OK);
    CHECK_EQUAL(lw_model_get_chat(&model, &opened), LW_ERR_ARGUMENT);
    for (int with_text = 0; with_text < 2; with_text++) {
        const lw_section_record *table =
            (const lw_section_record *)(const void *)(plain + sizeof(lw_header_record));
        file_section sections[LW_SECTION_COUNT];
        for (uint32_t i = 0; i < LW_SECTION_COUNT; i++)
            sections[i] = (file_section){section_of(plain, i), table[i].bytes};
        sections[LW_CHAT] = (file_section){section, section_bytes};
        if (with_text)
            sections[LW_TEXT] = (file_section){text_section, text_bytes};
        size_t size;
        uint8_t *file = write_file(sections, &size);
        uint32_t detail;
        CHECK_EQUAL(lw_model_open(file, size, 0, &model, &detail), with_text ? LW_OK : LW_ERR_CHAT);
        if (with_text) {
            CHECK_EQUAL(lw_model_get_chat(&model, &opened), LW_OK);
        } else {
            CHECK_EQUAL(detail, LW_CHAT);
        }
        free(file);
    }
    free(plain);
}

int main(void) {
    text_section = toy_text_build(&text_bytes);
    section = toy_chat_build(&section_bytes);
    CHECK_EQUAL(lw_text_open(text_section, text_bytes, &text), LW_OK);
    CHECK_EQUAL(lw_chat_open(section, section_bytes, &text, &chat), LW_OK);
    test_text();
    test_cuts();
    test_faults();
    test_ids();
    test_appending();
    test_info();
    test_limits();
    test_model();
    free(section);
    free(text_section);
    return 0;
}
