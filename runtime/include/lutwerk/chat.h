/* lutwerk: conversations as the model's chat template has them, by section CHAT of model.lw.
 *
 * The template of a bundle is compiled ahead of time into the strings between messages, and gives
 * the text that jinja2 gives for the checkpoint's own template, and the ids that the `tokenizers`
 * library gives for that text. A template that has no such form is not in the bundle. Like the rest
 * of the library this never allocates, prints or exits; an open lw_chat is read-only and may be
 * shared by threads.
 */
#ifndef LUTWERK_CHAT_H
#define LUTWERK_CHAT_H

#include "text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- begin cffi --- */

/* ---- templates ---- */

/* An open template: pointers into the caller's mapping, which must outlive it. Fields are private.
 */
typedef struct {
    uint64_t opaque[96];
} lw_chat;

/* What a caller must know of a template. */
typedef struct {
    uint32_t system;  /* 1: a conversation may begin with a system message */
    uint32_t appends; /* 1: later messages leave the text before them as it is (lw_chat_encode) */
    uint32_t end;     /* id that ends an answer, besides those of lw_text_info.eos; or UINT32_MAX */
    const char *stop; /* text that ends an answer and is not part of it; stop_bytes 0: none */
    size_t stop_bytes;
} lw_chat_info;

/* Validate a section CHAT (4-byte aligned), whose ids are those of `text`, and fill *chat. Returns
 * ERR_ARGUMENT or ERR_CHAT. Safe on hostile bytes. */
lw_status lw_chat_open(const void *section, size_t bytes, const lw_text *text, lw_chat *chat);

/* The template of an open model. Returns ERR_ARGUMENT when the bundle has none, or no tokeniser. */
lw_status lw_model_get_chat(const lw_model *model, lw_chat *chat);

void lw_chat_get_info(const lw_chat *chat, lw_chat_info *info);

/* ---- conversations ---- */

enum { LW_CHAT_SYSTEM, LW_CHAT_USER, LW_CHAT_ANSWER, LW_CHAT_ROLES };

/* A message in UTF-8; bytes that are not UTF-8 count as U+FFFD. Nothing in it is a special token or
 * a token that the template itself uses, however it is spelled. */
typedef struct {
    uint32_t role;
    const char *utf8;
    size_t bytes;
} lw_chat_message;

/* What can be wrong with a conversation. */
typedef enum {
    LW_CHAT_OK,
    LW_CHAT_ORDER,     /* a conversation is [system] user (answer user)... */
    LW_CHAT_NO_SYSTEM, /* the template has no place for a system message */
    LW_CHAT_BLANK,     /* the template treats a message without text in a way of its own */
    LW_CHAT_RESERVED   /* it treats messages with a certain text in a way of its own */
} lw_chat_fault;

/* Look for a message that the template cannot carry exactly. *index: which one; *reserved: for
 * LW_CHAT_RESERVED the text that it holds, of *reserved_bytes. All three may be NULL. */
lw_chat_fault lw_chat_check(const lw_chat *chat, const lw_chat_message *messages, size_t count,
                            size_t *index, const char **reserved, size_t *reserved_bytes);

/* Bytes that lw_chat_render writes at most, and scratch memory of lw_chat_encode; SIZE_MAX for a
 * conversation that is too long. */
size_t lw_chat_text_bytes(const lw_chat *chat, const lw_chat_message *messages, size_t count);
size_t lw_chat_scratch_bytes(const lw_chat *chat, const lw_chat_message *messages, size_t count);

/* The text of a conversation up to where the model's answer begins; messages before `first` are
 * left out, and so is the text before what follows them. Returns ERR_ARGUMENT, also for what
 * lw_chat_check finds, and ERR_WORKSPACE when capacity is below lw_chat_text_bytes. */
lw_status lw_chat_render(const lw_chat *chat, const lw_chat_message *messages, size_t count,
                         size_t first, char *utf8, size_t capacity, size_t *bytes);

/* The ids of a conversation up to where the model's answer begins.
 *
 * first 0: the whole conversation, from an empty context. Templates may change earlier text when
 * the conversation goes on, as those that drop the thoughts of earlier answers: evaluate from the
 * first id that differs from what is in the context (lw_session_truncate).
 * first > 0, where info.appends is 1: messages before `first`, the last of which is an answer, are
 * in the context already, the answer with the ids that the model gave it (`end` left out). The ids
 * are what follows it, so that nothing is evaluated twice.
 *
 * scratch: 8-byte aligned. *id_count: ids in all; the first `capacity` of them are written. Returns
 * ERR_ARGUMENT, also for what lw_chat_check finds, or ERR_WORKSPACE when the scratch memory is too
 * small. */
lw_status lw_chat_encode(const lw_chat *chat, const lw_chat_message *messages, size_t count,
                         size_t first, void *scratch, size_t scratch_bytes, uint32_t *ids,
                         size_t capacity, size_t *id_count);

/* --- end cffi --- */

#ifdef __cplusplus
}
#endif

#endif
