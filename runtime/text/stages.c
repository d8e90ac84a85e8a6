#include "stages.h"

#include "utf8.h"

typedef struct {
    const lw_text_view *text;
    lw_word_fn *word;
    void *context;
} splitter;

static void cut(const splitter *s, uint32_t stage, size_t first_cell, const uint8_t *bytes,
                size_t count);

static void hand_over(const splitter *s, uint32_t stage, size_t first_cell, const uint8_t *bytes,
                      size_t count) {
    if (count == 0)
        return;
    if (stage == s->text->record->stages)
        s->word(s->context, bytes, count);
    else
        cut(s, stage, first_cell, bytes, count);
}

/* Bytes of the match at the beginning of the text, or 0. The automaton says one character late that
 * there was one. */
static size_t match(const lw_text_view *text, uint32_t map, const lw_stage_record *stage,
                    const uint16_t *cells, const uint8_t *bytes, size_t count) {
    const uint32_t at_end = stage->columns - 1;
    uint32_t state = LW_STATE_START;
    size_t found = 0, at = 0;
    while (state != LW_STATE_DEAD) {
        lw_utf8 read = {.bytes = 0};
        uint32_t column = at_end;
        if (at < count) {
            read = lw_utf8_read(bytes + at, count - at);
            column = lw_class_of(text, map, read.code_point);
        }
        const uint32_t cell = cells[(size_t)state * stage->columns + column];
        if (cell & LW_CELL_MATCH)
            found = at;
        if (column == at_end)
            break;
        state = cell & (LW_CELL_MATCH - 1u);
        at += read.bytes;
    }
    return found;
}

static void cut(const splitter *s, uint32_t stage, size_t first_cell, const uint8_t *bytes,
                size_t count) {
    const lw_stage_record *record = &s->text->stages[stage];
    const uint16_t *cells = s->text->cells + first_cell;
    const size_t next_cell = first_cell + (size_t)record->states * record->columns;
    size_t gap = 0, at = 0;
    while (at < count) {
        const size_t matched = match(s->text, stage, record, cells, bytes + at, count - at);
        if (matched == 0) {
            at += lw_utf8_read(bytes + at, count - at).bytes;
            continue;
        }
        if (record->keep != LW_KEEP_MATCHES)
            hand_over(s, stage + 1, next_cell, bytes + gap, at - gap);
        if (record->keep != LW_KEEP_GAPS)
            hand_over(s, stage + 1, next_cell, bytes + at, matched);
        at += matched;
        gap = at;
    }
    if (record->keep != LW_KEEP_MATCHES)
        hand_over(s, stage + 1, next_cell, bytes + gap, count - gap);
}

void lw_text_split(const lw_text_view *text, const uint8_t *bytes, size_t count, lw_word_fn *word,
                   void *context) {
    const splitter s = {text, word, context};
    hand_over(&s, 0, 0, bytes, count);
}
