#include "tables.h"
#include "utf8.h"

lw_status lw_text_open(const void *section, size_t bytes, lw_text *text) {
    if (!section || !text || (uintptr_t)section % sizeof(uint32_t) != 0)
        return LW_ERR_ARGUMENT;
    lw_text_view view;
    if (!lw_text_place(section, bytes, &view) || !lw_text_check(&view))
        return LW_ERR_TEXT;
    memset(text->opaque, 0, sizeof text->opaque);
    memcpy(text->opaque, &view, sizeof view);
    return LW_OK;
}

void lw_text_get_info(const lw_text *text, lw_text_info *info) {
    const lw_text_view view = lw_view_text(text);
    *info = (lw_text_info){
        .tokens = view.record->tokens,
        .bos = view.record->bos,
        .eos_count = view.record->eos,
        .eos = view.eos,
        /* Three bytes may have waited, and each byte may become a U+FFFD. */
        .piece_bytes = ((size_t)view.longest_piece + LW_UTF8_MAX) * LW_REPLACEMENT_BYTES,
    };
}

lw_status lw_text_get_piece(const lw_text *text, uint32_t id, const char **bytes, size_t *count,
                            int *special) {
    const lw_text_view view = lw_view_text(text);
    if (id >= view.record->tokens || view.token_flags[id] & LW_TOKEN_ABSENT)
        return LW_ERR_TOKEN;
    *bytes = (const char *)view.pieces + view.piece_begins[id];
    *count = view.piece_begins[id + 1] - view.piece_begins[id];
    *special = (view.token_flags[id] & LW_TOKEN_SPECIAL) != 0;
    return LW_OK;
}
