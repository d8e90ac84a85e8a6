/* Section CHAT as C types. FORMAT.md, "CHAT", specifies every byte. */
#ifndef LW_CHAT_TABLES_H
#define LW_CHAT_TABLES_H

#include "lutwerk/chat.h"
#include "tables.h"

enum { LW_CHAT_HAS_SYSTEM = 1, LW_CHAT_SYSTEM_LAST = 2, LW_CHAT_APPENDS = 4 };
/* What stands before a gap, and what behind it. */
enum {
    LW_AFTER_NOTHING,
    LW_AFTER_SYSTEM,
    LW_AFTER_FIRST_USER,
    LW_AFTER_USER,
    LW_AFTER_FIRST_ANSWER,
    LW_AFTER_ANSWER,
    LW_CHAT_STATES
};
enum {
    LW_BEFORE_SYSTEM,
    LW_BEFORE_USER,
    LW_BEFORE_LAST_USER,
    LW_BEFORE_ANSWER,
    LW_BEFORE_GENERATION,
    LW_CHAT_NEXTS
};
/* White space that a gap takes: that of the message before it, that before it up to other text,
 * that of the message behind it. */
enum { LW_STRIP_BEFORE = 1, LW_STRIP_FAR_BEFORE = 2, LW_STRIP_BEHIND = 4, LW_STRIP_ALL = 7 };
enum { LW_BLANK_AS_TEXT, LW_BLANK_IS_ABSENT, LW_BLANK_REFUSED };
/* White space that an answer loses when it is cut: newlines or all of it, at its beginning; at its
 * end, too; also an answer that is not cut. The last one keeps a gap from taking that at the
 * beginning of a cut answer. */
enum {
    LW_CUT_NEWLINES = 1,
    LW_CUT_SPACE = 2,
    LW_CUT_BOTH_ENDS = 4,
    LW_CUT_ALWAYS = 8,
    LW_CUT_KEEPS_BEGINNING = 16,
    LW_CUT_ALL = 31
};
enum { LW_MAX_LITERALS = 1024, LW_MAX_MARKS = 1024, LW_MAX_RESERVED = 1024 };

typedef struct {
    uint32_t literal, strip;
} lw_gap_record;

typedef struct {
    uint32_t flags, end, stop, cut, cut_strip;
    uint32_t literals, marks, reserved, text_bytes;
    uint32_t blank[LW_CHAT_ROLES][2]; /* of messages that are empty, that are white space */
    uint32_t zero;
    lw_gap_record gaps[2][LW_CHAT_STATES][LW_CHAT_NEXTS]; /* without, with a system message */
} lw_chat_record;

_Static_assert(sizeof(lw_chat_record) == 544, "CHAT record");

typedef struct {
    uint32_t roles, literal;
} lw_reserved_record;

typedef struct {
    const lw_chat_record *record;
    const uint32_t *literal_begins;     /* [literals + 1] */
    const uint32_t *mark_begins;        /* [literals + 1] */
    const lw_mark *marks;               /* [marks], of all literals */
    const lw_reserved_record *reserved; /* [reserved] */
    const uint8_t *texts;               /* [text_bytes] */
    uint32_t longest_literal, most_marks;
    lw_text text;
} lw_chat_view;

_Static_assert(sizeof(lw_chat_view) <= sizeof(lw_chat), "lw_chat is too small");

static inline lw_chat_view lw_view_chat(const lw_chat *chat) {
    lw_chat_view view;
    memcpy(&view, chat->opaque, sizeof view);
    return view;
}

typedef struct {
    const uint8_t *bytes;
    size_t count;
} lw_span;

static inline lw_span lw_chat_literal(const lw_chat_view *chat, uint32_t literal) {
    const uint32_t begin = chat->literal_begins[literal];
    return (lw_span){chat->texts + begin, chat->literal_begins[literal + 1] - begin};
}

#endif
