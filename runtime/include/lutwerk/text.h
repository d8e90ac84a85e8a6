/* lutwerk: text to tokens and back, by the tables of section TEXT in model.lw.
 *
 * The tokeniser of a bundle is compiled ahead of time, and gives the ids that the `tokenizers`
 * library gives for the same tokenizer.json. Like the rest of the library it never allocates,
 * prints or exits. An open lw_text is read-only and may be shared by threads; a stream belongs to
 * one.
 */
#ifndef LUTWERK_TEXT_H
#define LUTWERK_TEXT_H

#include "lutwerk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- begin cffi --- */

/* ---- tokenisers ---- */

/* An open tokeniser: pointers into the caller's mapping, which must outlive it. Fields are private.
 */
typedef struct {
    uint64_t opaque[64];
} lw_text;

/* What a caller must know of a tokeniser. */
typedef struct {
    uint32_t tokens;    /* ids are below this, and this is at most the model's vocab */
    uint32_t bos;       /* id that LW_TEXT_TEMPLATE puts first, or UINT32_MAX */
    uint32_t eos_count; /* ids that end a generated text */
    const uint32_t *eos;
    size_t piece_bytes; /* that lw_text_feed writes at most */
} lw_text_info;

/* Validate a section TEXT (4-byte aligned) and fill *text. Returns ERR_ARGUMENT or ERR_TEXT. Safe
 * on hostile bytes. */
lw_status lw_text_open(const void *section, size_t bytes, lw_text *text);

/* The tokeniser of an open model. Returns ERR_ARGUMENT when the bundle has none. */
lw_status lw_model_get_text(const lw_model *model, lw_text *text);

void lw_text_get_info(const lw_text *text, lw_text_info *info);

/* ---- encoding ---- */

/* How to encode: LW_TEXT_SPECIAL takes special tokens that are spelled in the text for themselves
 * (as chat templates need; without it they are text like any other), LW_TEXT_TEMPLATE adds the
 * tokens that the model wants around a prompt, such as bos. */
enum { LW_TEXT_SPECIAL = 1, LW_TEXT_TEMPLATE = 2 };

/* Bytes of scratch memory to encode a text of `bytes` bytes; SIZE_MAX for one that is too long
 * (about 2^32 divided by what a byte can become). */
size_t lw_text_scratch_bytes(const lw_text *text, size_t bytes);

/* Encode UTF-8. Bytes that are not UTF-8 count as U+FFFD, one for each maximal part of a character
 * (The Unicode Standard, section 3.9, as in Python's errors="replace"). scratch: 8-byte aligned.
 * *count: ids of the whole text; the first `capacity` of them are written to ids. Returns
 * ERR_ARGUMENT, or ERR_WORKSPACE when the scratch memory is too small. */
lw_status lw_text_encode(const lw_text *text, const char *utf8, size_t bytes, uint32_t flags,
                         void *scratch, size_t scratch_bytes, uint32_t *ids, size_t capacity,
                         size_t *count);

/* ---- decoding ---- */

/* The bytes of token `id`, which may begin or end inside a character; *bytes lives as long as the
 * mapping. *special: 1 for tokens that are no text. Returns ERR_TOKEN for an id that no token has.
 */
lw_status lw_text_get_piece(const lw_text *text, uint32_t id, const char **bytes, size_t *count,
                            int *special);

/* A text that is being decoded. Fields are private. */
typedef struct {
    uint8_t pending[4];
    uint32_t pending_count;
    uint32_t spaces; /* leading ones that are still to be dropped */
    uint32_t begun;
} lw_text_stream;

/* Begin a text; `continues`: what is decoded follows other text, so no leading space is dropped. */
void lw_text_start(const lw_text *text, lw_text_stream *stream, int continues);

/* Decode one more token. Writes whole characters only, at most piece_bytes bytes, and returns how
 * many bytes: often 0, inside a character. Special tokens have no text unless `special` is set; ids
 * that no token has have none. Bytes that cannot become a character are U+FFFD. */
size_t lw_text_feed(const lw_text *text, lw_text_stream *stream, uint32_t id, int special,
                    char *utf8);

/* End a text: bytes that never became a character are written as U+FFFD, at most 12 bytes. Returns
 * how many bytes. */
size_t lw_text_finish(const lw_text *text, lw_text_stream *stream, char *utf8);

/* --- end cffi --- */

#ifdef __cplusplus
}
#endif

#endif
