/* A conversation as one text, with the tokens of the template in it. */
#ifndef LW_CHAT_RENDER_H
#define LW_CHAT_RENDER_H

#include "chat_tables.h"

/* Where a rendered conversation goes. The caller gives room for lw_chat_text_bytes and
 * lw_chat_most_marks; marks may be NULL. */
typedef struct {
    uint8_t *bytes;
    size_t count;
    lw_mark *marks;
    size_t mark_count;
} lw_chat_text;

/* Bytes of a rendered conversation at most; SIZE_MAX when they are too many. */
size_t lw_chat_most_bytes(const lw_chat_view *chat, const lw_chat_message *messages, size_t count);

/* Tokens of the template in a rendered conversation at most. */
size_t lw_chat_most_marks(const lw_chat_view *chat, size_t count);

lw_chat_fault lw_chat_find_fault(const lw_chat_view *chat, const lw_chat_message *messages,
                                 size_t count, size_t *index, uint32_t *reserved);

/* Append the text of messages `first` and later, which must have no fault. */
void lw_chat_write(const lw_chat_view *chat, const lw_chat_message *messages, size_t count,
                   size_t first, lw_chat_text *to);

#endif
