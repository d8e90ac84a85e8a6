#include "toy_chat.h"

#include "chat_tables.h"
#include "check.h"
#include "toy_text.h"

enum { LITERALS = 9, RESERVED = 2 };

uint8_t *toy_chat_build(size_t *bytes) {
    static const char *const texts[LITERALS] = {
        "", "<s>", "s: ", "\n\n", "u: ", "<unk>", "a<s>b:", "%", "/t"};
    static const uint32_t marks_of[LITERALS] = {0, 1, 0, 0, 0, 1, 1, 0, 0};
    static const lw_mark marks[] = {{0, 3, TOY_BOS}, {0, 5, TOY_UNK}, {1, 3, TOY_BOS}};
    const uint32_t mark_count = sizeof marks / sizeof *marks;
    static const lw_reserved_record reserved[RESERVED] = {{2, 7}, {5, 7}};
    lw_chat_record r = {.flags = LW_CHAT_HAS_SYSTEM,
                        .end = TOY_BOS,
                        .stop = 4,
                        .cut = 8,
                        .cut_strip = LW_CUT_NEWLINES,
                        .literals = LITERALS,
                        .marks = mark_count,
                        .reserved = RESERVED,
                        .blank = {{LW_BLANK_IS_ABSENT, LW_BLANK_AS_TEXT},
                                  {LW_BLANK_AS_TEXT, LW_BLANK_AS_TEXT},
                                  {LW_BLANK_REFUSED, LW_BLANK_AS_TEXT}}};
    for (int system = 0; system < 2; system++)
        for (int state = 0; state < LW_CHAT_STATES; state++) {
            lw_gap_record *gaps = r.gaps[system][state];
            gaps[LW_BEFORE_SYSTEM] = (lw_gap_record){1, 0};
            gaps[LW_BEFORE_USER] = gaps[LW_BEFORE_LAST_USER] =
                (lw_gap_record){4, LW_STRIP_BEFORE | LW_STRIP_BEHIND};
            gaps[LW_BEFORE_ANSWER] = (lw_gap_record){6, LW_STRIP_BEFORE};
            gaps[LW_BEFORE_GENERATION] = (lw_gap_record){6, LW_STRIP_BEFORE};
        }
    r.gaps[1][LW_AFTER_SYSTEM][LW_BEFORE_LAST_USER] = (lw_gap_record){3, 0};
    r.gaps[1][LW_AFTER_FIRST_USER][LW_BEFORE_GENERATION].strip = LW_STRIP_FAR_BEFORE;

    uint32_t begins[LITERALS + 1] = {0}, mark_begins[LITERALS + 1] = {0};
    for (int i = 0; i < LITERALS; i++) {
        begins[i + 1] = begins[i] + (uint32_t)strlen(texts[i]);
        mark_begins[i + 1] = mark_begins[i] + marks_of[i];
    }
    r.text_bytes = begins[LITERALS];
    const size_t padded = (r.text_bytes + 3) / 4 * 4;
    *bytes =
        sizeof r + sizeof begins + sizeof mark_begins + sizeof marks + sizeof reserved + padded;
    uint8_t *section = calloc(1, *bytes);
    CHECK(section != NULL);
    uint8_t *at = section;
#define PUT(table) (memcpy(at, &(table), sizeof(table)), at += sizeof(table))
    PUT(r);
    PUT(begins);
    PUT(mark_begins);
    PUT(marks);
    PUT(reserved);
    for (int i = 0; i < LITERALS; i++) {
        memcpy(at, texts[i], strlen(texts[i]));
        at += strlen(texts[i]);
    }
    return section;
}
