/* A conversation as text and as ids. */
#include "chat_render.h"
#include "encode.h"

/* Scratch memory: the marks, the text, what encoding it takes. */
typedef struct {
    size_t marks_bytes, text_bytes, encode_bytes;
} layout;

/* False for a conversation that is too long. */
static bool lay_out(const lw_chat_view *chat, const lw_chat_message *messages, size_t count,
                    layout *l) {
    const size_t text_bytes = lw_chat_most_bytes(chat, messages, count);
    if (text_bytes == SIZE_MAX)
        return false;
    l->marks_bytes = (lw_chat_most_marks(chat, count) * sizeof(lw_mark) + 7) / 8 * 8;
    l->text_bytes = (text_bytes + 7) / 8 * 8;
    l->encode_bytes = lw_text_scratch_bytes(&chat->text, text_bytes);
    return l->encode_bytes <= SIZE_MAX - l->marks_bytes - l->text_bytes;
}

size_t lw_chat_text_bytes(const lw_chat *chat, const lw_chat_message *messages, size_t count) {
    const lw_chat_view view = lw_view_chat(chat);
    return lw_chat_most_bytes(&view, messages, count);
}

size_t lw_chat_scratch_bytes(const lw_chat *chat, const lw_chat_message *messages, size_t count) {
    const lw_chat_view view = lw_view_chat(chat);
    layout l;
    return lay_out(&view, messages, count, &l) ? l.marks_bytes + l.text_bytes + l.encode_bytes
                                               : SIZE_MAX;
}

/* Messages that are appended follow an answer. */
static bool may_render(const lw_chat_view *chat, const lw_chat_message *messages, size_t count,
                       size_t first) {
    size_t index;
    uint32_t reserved;
    if (!messages || lw_chat_find_fault(chat, messages, count, &index, &reserved) != LW_CHAT_OK)
        return false;
    return first == 0 || (chat->record->flags & LW_CHAT_APPENDS && first < count &&
                          messages[first - 1].role == LW_CHAT_ANSWER);
}

lw_status lw_chat_render(const lw_chat *chat, const lw_chat_message *messages, size_t count,
                         size_t first, char *utf8, size_t capacity, size_t *bytes) {
    if (!chat || !utf8 || !bytes)
        return LW_ERR_ARGUMENT;
    const lw_chat_view view = lw_view_chat(chat);
    if (!may_render(&view, messages, count, first))
        return LW_ERR_ARGUMENT;
    if (capacity < lw_chat_most_bytes(&view, messages, count))
        return LW_ERR_WORKSPACE;
    lw_chat_text text = {.bytes = (uint8_t *)utf8};
    lw_chat_write(&view, messages, count, first, &text);
    *bytes = text.count;
    return LW_OK;
}

lw_status lw_chat_encode(const lw_chat *chat, const lw_chat_message *messages, size_t count,
                         size_t first, void *scratch, size_t scratch_bytes, uint32_t *ids,
                         size_t capacity, size_t *id_count) {
    if (!chat || !scratch || (uintptr_t)scratch % sizeof(uint64_t) != 0)
        return LW_ERR_ARGUMENT;
    const lw_chat_view view = lw_view_chat(chat);
    layout l;
    if (!may_render(&view, messages, count, first) || !lay_out(&view, messages, count, &l))
        return LW_ERR_ARGUMENT;
    if (l.marks_bytes + l.text_bytes + l.encode_bytes > scratch_bytes)
        return LW_ERR_WORKSPACE;
    uint8_t *at = scratch;
    lw_chat_text text = {.bytes = at + l.marks_bytes, .marks = scratch};
    lw_chat_write(&view, messages, count, first, &text);
    const lw_marks known = {.marks = text.marks,
                            .count = text.mark_count,
                            .kinds = view.marks,
                            .kind_count = view.record->marks};
    at += l.marks_bytes + l.text_bytes;
    const lw_text_view tokeniser = lw_view_text(&view.text);
    return lw_encode_marked(&tokeniser, (const char *)text.bytes, text.count, 0, &known, first > 0,
                            at, l.encode_bytes, ids, capacity, id_count);
}
