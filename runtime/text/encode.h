/* Encoding a text some of whose tokens are known. */
#ifndef LW_TEXT_ENCODE_H
#define LW_TEXT_ENCODE_H

#include "added.h"

/* lw_text_encode, also with marks, which are places in valid UTF-8. continues: the text follows
 * another one, so that nothing is put in front of it. */
lw_status lw_encode_marked(const lw_text_view *text, const char *utf8, size_t bytes, uint32_t flags,
                           const lw_marks *known, bool continues, void *scratch,
                           size_t scratch_bytes, uint32_t *ids, size_t capacity, size_t *count);

#endif
