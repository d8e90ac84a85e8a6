/* Cutting a text by the automata of the pre-tokeniser. */
#ifndef LW_TEXT_STAGES_H
#define LW_TEXT_STAGES_H

#include "tables.h"

/* What becomes of a word. */
typedef void lw_word_fn(void *context, const uint8_t *word, size_t bytes);

/* Cut `bytes` through all stages and hand over each word in order; none is empty. */
void lw_text_split(const lw_text_view *text, const uint8_t *bytes, size_t count, lw_word_fn *word,
                   void *context);

#endif
