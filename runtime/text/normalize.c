#include "normalize.h"

static void replace(const uint8_t *source, size_t source_bytes, const uint8_t *to, size_t to_bytes,
                    const lw_buffer *from, lw_buffer *out) {
    size_t settled = 0, at = 0;
    while (from->count - at >= source_bytes) {
        const uint8_t *found = memchr(from->bytes + at, source[0], from->count - at);
        if (!found)
            break;
        at = (size_t)(found - from->bytes);
        if (from->count - at < source_bytes || memcmp(found, source, source_bytes) != 0) {
            at++;
            continue;
        }
        lw_append(out, from->bytes + settled, at - settled);
        lw_append(out, to, to_bytes);
        at += source_bytes;
        settled = at;
    }
    lw_append(out, from->bytes + settled, from->count - settled);
}

static bool begins_with(const lw_buffer *bytes, const uint8_t *text, size_t count) {
    return bytes->count >= count && memcmp(bytes->bytes, text, count) == 0;
}

static bool puts_in_front(uint32_t kind, lw_place place, bool is_there) {
    if (place == LW_PLACE_CONTINUES || (kind != LW_STEP_PREPEND && is_there))
        return false;
    return kind != LW_STEP_PREFIX_FIRST || place == LW_PLACE_START;
}

lw_buffer lw_text_rewrite(const lw_text_view *text, uint32_t first, uint32_t end, lw_buffer bytes,
                          lw_place place, const lw_buffer buffers[2],
                          const lw_nfc_scratch *scratch) {
    const uint8_t *texts = text->step_texts;
    for (uint32_t i = 0; i < first; i++)
        texts += text->steps[i].source_bytes + text->steps[i].to_bytes;
    bool full = false;
    for (uint32_t i = first; i < end; i++) {
        const lw_step_record *step = &text->steps[i];
        const uint8_t *to = texts + step->source_bytes;
        lw_buffer out = buffers[i % 2];
        out.count = 0;
        switch (step->kind) {
        case LW_STEP_REPLACE:
            replace(texts, step->source_bytes, to, step->to_bytes, &bytes, &out);
            break;
        case LW_STEP_NFC:
            lw_nfc(text, bytes.bytes, bytes.count, &out, scratch);
            break;
        default:
            if (puts_in_front(step->kind, place, begins_with(&bytes, to, step->to_bytes)))
                lw_append(&out, to, step->to_bytes);
            lw_append(&out, bytes.bytes, bytes.count);
        }
        full = full || out.full;
        bytes = out;
        texts = to + step->to_bytes;
    }
    bytes.full = full;
    return bytes;
}
