/* Validation of section CHAT: after it, rendering follows every index without a look. */
#include "chat_tables.h"
#include "utf8.h"

/* Tables follow each other as in section TEXT; counts are below 2^10, and text_bytes is 32-bit. */
static bool place(const uint8_t *section, size_t bytes, lw_chat_view *chat) {
    const lw_chat_record *r = (const lw_chat_record *)(const void *)section;
    if (bytes < sizeof *r || r->literals < 1 || r->literals > LW_MAX_LITERALS ||
        r->marks > LW_MAX_MARKS || r->reserved > LW_MAX_RESERVED)
        return false;
    const uint64_t words =
        2 * ((uint64_t)r->literals + 1) + 3 * (uint64_t)r->marks + 2 * (uint64_t)r->reserved;
    const uint64_t texts = sizeof *r + words * sizeof(uint32_t);
    if (bytes != texts + ((uint64_t)r->text_bytes + 3) / 4 * 4)
        return false;
    chat->record = r;
    chat->literal_begins = (const uint32_t *)(const void *)(section + sizeof *r);
    chat->mark_begins = chat->literal_begins + r->literals + 1;
    chat->marks = (const lw_mark *)(chat->mark_begins + r->literals + 1);
    chat->reserved = (const lw_reserved_record *)(chat->marks + r->marks);
    chat->texts = section + texts;
    return true;
}

static bool check_record(const lw_chat_record *r, uint32_t tokens) {
    const uint32_t known = LW_CHAT_HAS_SYSTEM | LW_CHAT_SYSTEM_LAST | LW_CHAT_APPENDS;
    if (r->flags > known || (r->end >= tokens && r->end != LW_NO_ID) ||
        (r->stop >= r->literals && r->stop != LW_NO_ID) ||
        (r->cut >= r->literals && r->cut != LW_NO_ID) || r->cut_strip > LW_CUT_ALL || r->zero != 0)
        return false;
    for (int role = 0; role < LW_CHAT_ROLES; role++)
        for (int kind = 0; kind < 2; kind++)
            if (r->blank[role][kind] > LW_BLANK_REFUSED ||
                (r->blank[role][kind] == LW_BLANK_IS_ABSENT && role != LW_CHAT_SYSTEM))
                return false;
    for (int system = 0; system < 2; system++)
        for (int state = 0; state < LW_CHAT_STATES; state++)
            for (int next = 0; next < LW_CHAT_NEXTS; next++)
                if (r->gaps[system][state][next].literal >= r->literals ||
                    r->gaps[system][state][next].strip > LW_STRIP_ALL)
                    return false;
    return true;
}

/* Whole characters, so that what lies between marks is some, too. */
static bool check_literal(lw_span literal, const lw_mark *marks, uint32_t count, uint32_t tokens) {
    uint32_t mark = 0;
    for (size_t i = 0; i < literal.count;) {
        if (mark < count && marks[mark].begin == i) {
            const uint32_t bytes = marks[mark].bytes;
            if (bytes == 0 || bytes > literal.count - i || marks[mark].token >= tokens)
                return false;
            const size_t end = i + bytes;
            while (i < end) {
                const lw_utf8 read = lw_utf8_read(literal.bytes + i, end - i);
                if (!read.valid)
                    return false;
                i += read.bytes;
            }
            mark++;
            continue;
        }
        const lw_utf8 read = lw_utf8_read(literal.bytes + i, literal.count - i);
        if (!read.valid)
            return false;
        i += read.bytes;
    }
    return mark == count;
}

static bool check_literals(lw_chat_view *chat, uint32_t tokens) {
    const lw_chat_record *r = chat->record;
    const uint32_t *texts = chat->literal_begins, *marks = chat->mark_begins;
    if (texts[0] != 0 || texts[r->literals] != r->text_bytes || marks[0] != 0 ||
        marks[r->literals] != r->marks)
        return false;
    for (uint32_t i = 0; i < r->literals; i++) {
        if (texts[i] > texts[i + 1] || texts[i + 1] > r->text_bytes || marks[i] > marks[i + 1] ||
            marks[i + 1] > r->marks)
            return false;
        const uint32_t count = marks[i + 1] - marks[i];
        const lw_span literal = lw_chat_literal(chat, i);
        if (!check_literal(literal, chat->marks + marks[i], count, tokens))
            return false;
        if (literal.count > chat->longest_literal)
            chat->longest_literal = (uint32_t)literal.count;
        if (count > chat->most_marks)
            chat->most_marks = count;
    }
    for (uint32_t i = 0; i < r->reserved; i++)
        if (chat->reserved[i].roles >= 1u << LW_CHAT_ROLES ||
            chat->reserved[i].literal >= r->literals ||
            lw_chat_literal(chat, chat->reserved[i].literal).count == 0)
            return false;
    return r->cut == LW_NO_ID || lw_chat_literal(chat, r->cut).count > 0;
}

lw_status lw_chat_open(const void *section, size_t bytes, const lw_text *text, lw_chat *chat) {
    if (!section || !text || !chat || (uintptr_t)section % sizeof(uint32_t) != 0)
        return LW_ERR_ARGUMENT;
    lw_chat_view view = {.text = *text};
    const uint32_t tokens = lw_view_text(text).record->tokens;
    if (!place(section, bytes, &view) || !check_record(view.record, tokens) ||
        !check_literals(&view, tokens))
        return LW_ERR_CHAT;
    memset(chat->opaque, 0, sizeof chat->opaque);
    memcpy(chat->opaque, &view, sizeof view);
    return LW_OK;
}

void lw_chat_get_info(const lw_chat *chat, lw_chat_info *info) {
    const lw_chat_view view = lw_view_chat(chat);
    const lw_chat_record *r = view.record;
    const lw_span none = {NULL, 0};
    const lw_span stop = r->stop == LW_NO_ID ? none : lw_chat_literal(&view, r->stop);
    *info = (lw_chat_info){
        .system = (r->flags & LW_CHAT_HAS_SYSTEM) != 0,
        .appends = (r->flags & LW_CHAT_APPENDS) != 0,
        .end = r->end,
        .stop = (const char *)stop.bytes,
        .stop_bytes = stop.count,
    };
}
