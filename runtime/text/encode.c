/* From a text to ids, in the order of the `tokenizers` library: added tokens of the text as it is,
 * normaliser, added tokens of the normalised text, pre-tokeniser, model, template. */
#include "encode.h"

#include "bpe.h"
#include "normalize.h"
#include "stages.h"
#include "utf8.h"

enum { BUFFERS = 4, KNOWN_FLAGS = LW_TEXT_SPECIAL | LW_TEXT_TEMPLATE };

/* Scratch memory: the text with its broken bytes replaced; two buffers for each list of steps; the
 * rest, which BPE and NFC use in turns. */
typedef struct {
    uint64_t repaired_bytes;
    uint64_t buffer_bytes;
    uint64_t work_bytes;
} layout;

typedef struct {
    const lw_text_view *text;
    const uint8_t *whole; /* the text after repair */
    lw_marks known;
    bool special;
    bool continues; /* other text */
    bool full;
    uint8_t *work;
    lw_nfc_scratch nfc;
    lw_buffer buffers[BUFFERS];
    lw_id_list ids;
} encoder;

static layout layout_for(const lw_text_view *text, size_t bytes) {
    const lw_text_record *r = text->record;
    const uint64_t grown = ((uint64_t)bytes * r->growth + r->step_bytes) / 8 * 8 + 8;
    return (layout){.repaired_bytes = (uint64_t)bytes * LW_REPLACEMENT_BYTES / 8 * 8 + 8,
                    .buffer_bytes = grown,
                    .work_bytes = grown * LW_BPE_SYMBOL_BYTES};
}

static uint64_t total_bytes(const layout *l) {
    return l->repaired_bytes + BUFFERS * l->buffer_bytes + l->work_bytes;
}

/* Symbols, and places in the buffers, are 32-bit numbers. */
static bool is_too_long(const lw_text_view *text, size_t bytes) {
    return bytes > UINT32_MAX / 2 || layout_for(text, bytes).buffer_bytes > UINT32_MAX / 2;
}

size_t lw_text_scratch_bytes(const lw_text *text, size_t bytes) {
    const lw_text_view view = lw_view_text(text);
    if (is_too_long(&view, bytes))
        return SIZE_MAX;
    const layout l = layout_for(&view, bytes);
    return total_bytes(&l) > SIZE_MAX ? SIZE_MAX : (size_t)total_bytes(&l);
}

/* Replace what is no UTF-8. Returns the text itself when all of it is. */
static const uint8_t *repair(const uint8_t *bytes, size_t *count, uint8_t *to) {
    size_t i = 0, end = 0;
    while (i < *count) {
        const lw_utf8 read = lw_utf8_read(bytes + i, *count - i);
        if (!read.valid)
            break;
        i += read.bytes;
    }
    if (i == *count)
        return bytes;
    memcpy(to, bytes, i);
    end = i;
    while (i < *count) {
        const lw_utf8 read = lw_utf8_read(bytes + i, *count - i);
        end += lw_utf8_write(read.code_point, to + end);
        i += read.bytes;
    }
    *count = end;
    return to;
}

static void encode_word(void *context, const uint8_t *word, size_t bytes) {
    encoder *e = context;
    lw_bpe_encode(e->text, word, bytes, e->work, &e->ids);
}

/* What a stretch is that begins the whole text, and one that does not. */
static lw_place place_of(const encoder *e, bool begins) {
    return !begins ? LW_PLACE_WITHIN : e->continues ? LW_PLACE_CONTINUES : LW_PLACE_START;
}

/* A stretch of the normalised text. */
static void encode_normal(encoder *e, const lw_stretch *stretch, bool begins) {
    const uint32_t first = e->text->record->normalizer_steps;
    const lw_buffer piece = {.bytes = (uint8_t *)(uintptr_t)stretch->begin,
                             .count = stretch->bytes};
    const lw_buffer ready = lw_text_rewrite(e->text, first, first + e->text->record->split_steps,
                                            piece, place_of(e, begins), e->buffers + 2, &e->nfc);
    e->full = e->full || ready.full;
    lw_text_split(e->text, ready.bytes, ready.count, encode_word, e);
}

/* A stretch of the text as it was given. */
static void encode_raw(encoder *e, const lw_stretch *stretch) {
    const bool begins = stretch->begin == e->whole;
    const lw_buffer piece = {.bytes = (uint8_t *)(uintptr_t)stretch->begin,
                             .count = stretch->bytes};
    const lw_buffer normal = lw_text_rewrite(e->text, 0, e->text->record->normalizer_steps, piece,
                                             place_of(e, begins), e->buffers, &e->nfc);
    e->full = e->full || normal.full;
    const lw_marks none = {.kinds = e->known.kinds, .kind_count = e->known.kind_count};
    lw_added walk =
        lw_added_begin(e->text, &e->text->normal, normal.bytes, normal.count, e->special, &none);
    lw_stretch part;
    while (lw_added_next(&walk, &part)) {
        if (part.token != LW_NO_ID)
            lw_put_id(&e->ids, part.token);
        else
            encode_normal(e, &part, begins && part.begin == normal.bytes);
    }
}

static void encode_text(encoder *e, size_t count) {
    lw_added walk = lw_added_begin(e->text, &e->text->raw, e->whole, count, e->special, &e->known);
    lw_stretch part;
    while (lw_added_next(&walk, &part)) {
        if (part.token != LW_NO_ID)
            lw_put_id(&e->ids, part.token);
        else
            encode_raw(e, &part);
    }
}

static void put_ids(lw_id_list *list, const uint32_t *ids, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        lw_put_id(list, ids[i]);
}

lw_status lw_text_encode(const lw_text *text, const char *utf8, size_t bytes, uint32_t flags,
                         void *scratch, size_t scratch_bytes, uint32_t *ids, size_t capacity,
                         size_t *count) {
    const lw_marks none = {0};
    if (!text)
        return LW_ERR_ARGUMENT;
    const lw_text_view view = lw_view_text(text);
    return lw_encode_marked(&view, utf8, bytes, flags, &none, false, scratch, scratch_bytes, ids,
                            capacity, count);
}

lw_status lw_encode_marked(const lw_text_view *text, const char *utf8, size_t bytes, uint32_t flags,
                           const lw_marks *known, bool continues, void *scratch,
                           size_t scratch_bytes, uint32_t *ids, size_t capacity, size_t *count) {
    if ((!utf8 && bytes > 0) || flags > KNOWN_FLAGS || !scratch || (!ids && capacity > 0) ||
        !count || (uintptr_t)scratch % sizeof(uint64_t) != 0)
        return LW_ERR_ARGUMENT;
    if (is_too_long(text, bytes))
        return LW_ERR_ARGUMENT;
    const layout l = layout_for(text, bytes);
    if (total_bytes(&l) > scratch_bytes)
        return LW_ERR_WORKSPACE;

    uint8_t *at = scratch;
    const uint8_t *whole = repair((const uint8_t *)utf8, &bytes, at);
    encoder e = {.text = text,
                 .whole = whole,
                 .known = *known,
                 .special = (flags & LW_TEXT_SPECIAL) != 0,
                 .continues = continues};
    at += l.repaired_bytes;
    for (int i = 0; i < BUFFERS; i++, at += l.buffer_bytes)
        e.buffers[i] = (lw_buffer){.bytes = at, .capacity = (size_t)l.buffer_bytes};
    e.work = at;
    e.nfc.capacity = (size_t)l.work_bytes / (2 * sizeof(uint32_t));
    e.nfc.code_points = (uint32_t *)(void *)at;
    e.nfc.spare = e.nfc.code_points + e.nfc.capacity;

    const lw_text_record *r = text->record;
    const bool template = (flags & LW_TEXT_TEMPLATE) != 0;
    e.ids = (lw_id_list){.ids = ids, .capacity = capacity, .lead = template ? r->bos : LW_NO_ID};
    if (template)
        put_ids(&e.ids, text->prefix, r->prefix);
    encode_text(&e, bytes);
    if (template)
        put_ids(&e.ids, text->suffix, r->suffix);
    lw_put_lead(&e.ids, LW_NO_ID);
    *count = e.ids.count;
    return e.full ? LW_ERR_WORKSPACE : LW_OK;
}
