/* Rewriting steps: the normaliser, and what the pre-tokeniser does to a text before it is cut. */
#ifndef LW_TEXT_NORMALIZE_H
#define LW_TEXT_NORMALIZE_H

#include "tables.h"

/* A text that grows; `full` after an append that did not fit, which the growth of an honest file
 * excludes. */
typedef struct {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
    bool full;
} lw_buffer;

static inline void lw_append(lw_buffer *to, const uint8_t *bytes, size_t count) {
    if (count > to->capacity - to->count) {
        to->full = true;
        return;
    }
    memcpy(to->bytes + to->count, bytes, count);
    to->count += count;
}

/* Code points of one run that NFC works on, twice: the second array is for sorting. */
typedef struct {
    uint32_t *code_points;
    uint32_t *spare;
    size_t capacity;
} lw_nfc_scratch;

/* Normalization Form C of `bytes`, appended. */
void lw_nfc(const lw_text_view *text, const uint8_t *bytes, size_t count, lw_buffer *to,
            const lw_nfc_scratch *scratch);

/* Where a text stands: at the start of the whole text, within it, or there but following another
 * text, so that nothing is put in front. */
typedef enum { LW_PLACE_START, LW_PLACE_WITHIN, LW_PLACE_CONTINUES } lw_place;

/* Run steps `first` to `end` on a text that is not empty. Returns the buffer that holds the result:
 * one of the two at `buffers`; the text itself when there are no steps. */
lw_buffer lw_text_rewrite(const lw_text_view *text, uint32_t first, uint32_t end, lw_buffer bytes,
                          lw_place place, const lw_buffer buffers[2],
                          const lw_nfc_scratch *scratch);

#endif
