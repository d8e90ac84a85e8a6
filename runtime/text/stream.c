/* From ids to text that is whole characters at any time. Bytes wait in `pending` until they are a
 * character. */
#include "tables.h"
#include "utf8.h"

static size_t put_replacement(uint8_t *to) {
    return lw_utf8_write(LW_REPLACEMENT, to);
}

/* Give up on the first bytes that wait: one U+FFFD for a part of a character, or with a fallback
 * for each byte, as the `tokenizers` library has it. Returns how many bytes were written. */
static size_t give_up(const lw_text_view *text, lw_text_stream *stream, uint32_t bytes,
                      uint8_t *to) {
    size_t written = 0;
    const uint32_t marks = text->record->flags & LW_BYTE_FALLBACK ? bytes : 1;
    for (uint32_t i = 0; i < marks; i++)
        written += put_replacement(to + written);
    stream->pending_count -= bytes;
    memmove(stream->pending, stream->pending + bytes, stream->pending_count);
    return written;
}

/* Write what is decided: characters, and what can no longer become one. */
static size_t settle(const lw_text_view *text, lw_text_stream *stream, bool at_end, uint8_t *to) {
    size_t written = 0;
    while (stream->pending_count > 0) {
        const lw_utf8 read = lw_utf8_read(stream->pending, stream->pending_count);
        if (read.cut && !at_end)
            break;
        if (read.valid) {
            memcpy(to + written, stream->pending, read.bytes);
            written += read.bytes;
            stream->pending_count -= read.bytes;
            memmove(stream->pending, stream->pending + read.bytes, stream->pending_count);
        } else {
            written += give_up(text, stream, read.bytes, to + written);
        }
    }
    return written;
}

/* Drop spaces at the beginning of a text from what was just written. */
static size_t strip(lw_text_stream *stream, uint8_t *written, size_t count) {
    size_t spaces = 0;
    while (spaces < count && spaces < stream->spaces && written[spaces] == ' ')
        spaces++;
    stream->spaces = spaces < count ? 0 : stream->spaces - (uint32_t)spaces;
    memmove(written, written + spaces, count - spaces);
    return count - spaces;
}

static size_t without_spaces(uint8_t *bytes, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != ' ')
            bytes[kept++] = bytes[i];
    return kept;
}

void lw_text_start(const lw_text *text, lw_text_stream *stream, int continues) {
    const lw_text_view view = lw_view_text(text);
    *stream = (lw_text_stream){.begun = continues != 0};
    if (!continues)
        stream->spaces = view.record->strip;
}

size_t lw_text_feed(const lw_text *text, lw_text_stream *stream, uint32_t id, int special,
                    char *utf8) {
    const lw_text_view view = lw_view_text(text);
    const lw_text_record *r = view.record;
    if (id >= r->tokens)
        return 0;
    const uint8_t flags = view.token_flags[id];
    if (flags & LW_TOKEN_ABSENT || (flags & LW_TOKEN_SPECIAL && !special))
        return 0;
    uint8_t *to = (uint8_t *)utf8;
    const uint8_t *piece = view.pieces + view.piece_begins[id];
    const uint32_t bytes = view.piece_begins[id + 1] - view.piece_begins[id];
    size_t written = 0;
    if (r->flags & LW_BYTE_FALLBACK && !(flags & LW_TOKEN_BYTE)) {
        written = settle(&view, stream, true, to);
        memcpy(to + written, piece, bytes);
        written += bytes;
    } else {
        for (uint32_t i = 0; i < bytes; i++) {
            stream->pending[stream->pending_count++] = piece[i];
            written += settle(&view, stream, false, to + written);
        }
    }
    if (r->flags & LW_STRIP_FIRST_TOKEN && !stream->begun)
        written = without_spaces(to, written);
    stream->begun = 1;
    return strip(stream, to, written);
}

size_t lw_text_finish(const lw_text *text, lw_text_stream *stream, char *utf8) {
    const lw_text_view view = lw_view_text(text);
    return settle(&view, stream, true, (uint8_t *)utf8);
}
