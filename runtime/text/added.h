/* Added tokens in a text, and the text between them. */
#ifndef LW_TEXT_ADDED_H
#define LW_TEXT_ADDED_H

#include "tables.h"

/* A stretch of text, or an added token, whose bytes no longer matter. */
typedef struct {
    const uint8_t *begin;
    size_t bytes;
    uint32_t token; /* LW_NO_ID: text */
} lw_stretch;

/* Tokens of a text that are known without a search. */
typedef struct {
    const lw_mark *marks; /* [count], ascending, apart from each other */
    size_t count;
    const lw_mark *kinds; /* [kind_count]: tokens that only marks are; elsewhere they are text */
    size_t kind_count;
} lw_marks;

/* A walk over a text. A struct of its own, because stretches are worked on one by one. */
typedef struct {
    const lw_text_view *text;
    const lw_trie *trie;
    const uint8_t *bytes;
    size_t count;
    bool special;    /* take special tokens for themselves */
    lw_marks known;  /* marks are taken off at the front */
    size_t search;   /* where the next match may begin */
    size_t settled;  /* what is before belongs to stretches given out */
    lw_stretch next; /* a token whose text before it was given out first */
    bool has_next;
} lw_added;

static inline lw_added lw_added_begin(const lw_text_view *text, const lw_trie *trie,
                                      const uint8_t *bytes, size_t count, bool special,
                                      const lw_marks *known) {
    return (lw_added){.text = text,
                      .trie = trie,
                      .bytes = bytes,
                      .count = count,
                      .special = special,
                      .known = *known};
}

/* The next stretch; false at the end. Stretches of text are never empty. */
bool lw_added_next(lw_added *walk, lw_stretch *stretch);

#endif
