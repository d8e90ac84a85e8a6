/* Messages and the gaps between them, in order. */
#include "chat_render.h"

#include "chat_space.h"

typedef struct {
    const lw_chat_view *chat;
    lw_chat_text *to;
    size_t content; /* where the text of the last message begins */
    size_t floor;   /* text before is of tokens, or is not ours */
    uint32_t state; /* LW_AFTER_* */
    bool has_system;
    bool writes;        /* false before the first message that is wanted */
    bool strips_behind; /* the next message loses its first white space */
} renderer;

size_t lw_chat_most_marks(const lw_chat_view *chat, size_t count) {
    return (count + 1) * chat->most_marks;
}

size_t lw_chat_most_bytes(const lw_chat_view *chat, const lw_chat_message *messages, size_t count) {
    /* Offsets in the tokeniser are 32-bit numbers. */
    if (count > UINT32_MAX / (sizeof(lw_mark) * LW_MAX_MARKS))
        return SIZE_MAX;
    uint64_t bytes = ((uint64_t)count + 1) * chat->longest_literal;
    for (size_t i = 0; i < count; i++) {
        if (messages[i].bytes > UINT32_MAX / 2)
            return SIZE_MAX;
        bytes += (uint64_t)messages[i].bytes * LW_REPLACEMENT_BYTES;
    }
    return bytes > UINT32_MAX / 2 ? SIZE_MAX : (size_t)bytes;
}

static void put_gap(renderer *r, uint32_t next) {
    if (!r->writes)
        return;
    const lw_chat_view *chat = r->chat;
    const lw_gap_record *gap = &chat->record->gaps[r->has_system][r->state][next];
    lw_chat_text *to = r->to;
    if (gap->strip & (LW_STRIP_BEFORE | LW_STRIP_FAR_BEFORE)) {
        const size_t floor = gap->strip & LW_STRIP_FAR_BEFORE ? r->floor : r->content;
        to->count = floor + lw_trim_space(to->bytes + floor, to->count - floor);
    }
    const lw_span literal = lw_chat_literal(chat, gap->literal);
    for (uint32_t i = chat->mark_begins[gap->literal]; i < chat->mark_begins[gap->literal + 1];
         i++) {
        const lw_mark *mark = &chat->marks[i];
        const size_t begin = to->count + mark->begin;
        r->floor = begin + mark->bytes;
        if (to->marks)
            to->marks[to->mark_count++] = (lw_mark){(uint32_t)begin, mark->bytes, mark->token};
    }
    if (literal.count > 0)
        memcpy(to->bytes + to->count, literal.bytes, literal.count);
    to->count += literal.count;
    r->strips_behind = (gap->strip & LW_STRIP_BEHIND) != 0;
}

/* What is behind the last cut, if there is one. */
static lw_span find_cut(const lw_chat_view *chat, lw_span answer, bool *was_cut) {
    *was_cut = false;
    if (chat->record->cut == LW_NO_ID)
        return answer;
    const lw_span cut = lw_chat_literal(chat, chat->record->cut);
    const uint8_t *found = lw_find_last(answer.bytes, answer.count, cut);
    *was_cut = found != NULL;
    if (!found)
        return answer;
    const size_t begin = (size_t)(found - answer.bytes) + cut.count;
    return (lw_span){answer.bytes + begin, answer.count - begin};
}

static size_t skip(const lw_span *content, uint32_t strip) {
    size_t at = strip & LW_CUT_SPACE ? lw_skip_space(content->bytes, content->count) : 0;
    while (strip & LW_CUT_NEWLINES && at < content->count && content->bytes[at] == '\n')
        at++;
    return at;
}

/* Bytes of a text, which is UTF-8, without what is stripped off its end. */
static size_t trim(const uint8_t *bytes, size_t count, uint32_t strip) {
    if (strip & LW_CUT_SPACE)
        return lw_trim_space(bytes, count);
    while (strip & LW_CUT_NEWLINES && count > 0 && bytes[count - 1] == '\n')
        count--;
    return count;
}

static void put_content(renderer *r, const lw_chat_message *message, uint32_t state) {
    r->state = state;
    if (!r->writes)
        return;
    lw_span content = {(const uint8_t *)message->utf8, message->bytes};
    uint32_t strip = 0;
    bool strips_behind = r->strips_behind;
    if (message->role == LW_CHAT_ANSWER) {
        const uint32_t rule = r->chat->record->cut_strip;
        bool was_cut;
        content = find_cut(r->chat, content, &was_cut);
        strip = was_cut || rule & LW_CUT_ALWAYS ? rule : 0;
        strips_behind = strips_behind && !(was_cut && rule & LW_CUT_KEEPS_BEGINNING);
    }
    size_t at = skip(&content, strips_behind ? LW_CUT_SPACE : strip);
    lw_chat_text *to = r->to;
    r->content = to->count;
    while (at < content.count) {
        const lw_utf8 read = lw_utf8_read(content.bytes + at, content.count - at);
        to->count += lw_utf8_write(read.code_point, to->bytes + to->count);
        at += read.bytes;
    }
    if (strip & LW_CUT_BOTH_ENDS)
        to->count = r->content + trim(to->bytes + r->content, to->count - r->content, strip);
}

/* Whether a first message of the system counts, as a blank one may not. */
static bool has_system(const lw_chat_view *chat, const lw_chat_message *first) {
    if (first->role != LW_CHAT_SYSTEM)
        return false;
    const uint32_t *blank = chat->record->blank[LW_CHAT_SYSTEM];
    const uint8_t *bytes = (const uint8_t *)first->utf8;
    return lw_skip_space(bytes, first->bytes) < first->bytes ||
           blank[first->bytes > 0] != LW_BLANK_IS_ABSENT;
}

void lw_chat_write(const lw_chat_view *chat, const lw_chat_message *messages, size_t count,
                   size_t first, lw_chat_text *to) {
    renderer r = {.chat = chat, .to = to, .has_system = has_system(chat, &messages[0])};
    const bool system_last = (chat->record->flags & LW_CHAT_SYSTEM_LAST) != 0;
    bool later_user = false, later_answer = false;
    for (size_t i = messages[0].role == LW_CHAT_SYSTEM; i < count; i++) {
        const bool is_last = i + 1 == count;
        r.writes = i >= first;
        if (messages[i].role == LW_CHAT_ANSWER) {
            put_gap(&r, LW_BEFORE_ANSWER);
            put_content(&r, &messages[i], later_answer ? LW_AFTER_ANSWER : LW_AFTER_FIRST_ANSWER);
            later_answer = true;
            continue;
        }
        if (r.has_system && (system_last ? is_last : !later_user)) {
            put_gap(&r, LW_BEFORE_SYSTEM);
            put_content(&r, &messages[0], LW_AFTER_SYSTEM);
        }
        put_gap(&r, is_last ? LW_BEFORE_LAST_USER : LW_BEFORE_USER);
        put_content(&r, &messages[i], later_user ? LW_AFTER_USER : LW_AFTER_FIRST_USER);
        later_user = true;
    }
    put_gap(&r, LW_BEFORE_GENERATION);
}
