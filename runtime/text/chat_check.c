/* What in a conversation the template cannot carry exactly. */
#include "chat_render.h"
#include "chat_space.h"

static bool contains(const lw_chat_message *message, lw_span text) {
    return lw_find_last((const uint8_t *)message->utf8, message->bytes, text) != NULL;
}

static bool is_blank_refused(const lw_chat_record *r, const lw_chat_message *message) {
    const uint8_t *bytes = (const uint8_t *)message->utf8;
    return lw_skip_space(bytes, message->bytes) == message->bytes &&
           r->blank[message->role][message->bytes > 0] == LW_BLANK_REFUSED;
}

static uint32_t find_reserved(const lw_chat_view *chat, const lw_chat_message *message) {
    for (uint32_t i = 0; i < chat->record->reserved; i++)
        if (chat->reserved[i].roles >> message->role & 1 &&
            contains(message, lw_chat_literal(chat, chat->reserved[i].literal)))
            return chat->reserved[i].literal;
    return LW_NO_ID;
}

lw_chat_fault lw_chat_find_fault(const lw_chat_view *chat, const lw_chat_message *messages,
                                 size_t count, size_t *index, uint32_t *reserved) {
    uint32_t expected = LW_CHAT_USER;
    for (size_t i = 0; i < count; i++) {
        const lw_chat_message *message = &messages[i];
        const bool is_system = i == 0 && message->role == LW_CHAT_SYSTEM;
        *index = i;
        if ((message->role != expected && !is_system) || (!message->utf8 && message->bytes > 0))
            return LW_CHAT_ORDER;
        if (is_system && !(chat->record->flags & LW_CHAT_HAS_SYSTEM))
            return LW_CHAT_NO_SYSTEM;
        if (is_blank_refused(chat->record, message))
            return LW_CHAT_BLANK;
        *reserved = find_reserved(chat, message);
        if (*reserved != LW_NO_ID)
            return LW_CHAT_RESERVED;
        if (!is_system)
            expected = expected == LW_CHAT_USER ? LW_CHAT_ANSWER : LW_CHAT_USER;
    }
    *index = count;
    /* The model answers a user, after whom an answer would come. */
    return expected == LW_CHAT_ANSWER ? LW_CHAT_OK : LW_CHAT_ORDER;
}

lw_chat_fault lw_chat_check(const lw_chat *chat, const lw_chat_message *messages, size_t count,
                            size_t *index, const char **reserved, size_t *reserved_bytes) {
    const lw_chat_view view = lw_view_chat(chat);
    size_t at;
    uint32_t literal = LW_NO_ID;
    const lw_chat_fault fault = lw_chat_find_fault(&view, messages, count, &at, &literal);
    if (index)
        *index = at;
    const lw_span none = {NULL, 0};
    const lw_span text = fault == LW_CHAT_RESERVED ? lw_chat_literal(&view, literal) : none;
    if (reserved)
        *reserved = (const char *)text.bytes;
    if (reserved_bytes)
        *reserved_bytes = text.count;
    return fault;
}
