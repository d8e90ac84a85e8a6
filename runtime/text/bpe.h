/* Byte-pair encoding of one word. */
#ifndef LW_TEXT_BPE_H
#define LW_TEXT_BPE_H

#include "tables.h"

enum { LW_BPE_SYMBOL_BYTES = 28 }; /* of scratch memory, for each byte of the longest word */

/* Where ids go: all are counted, the first `capacity` written. */
typedef struct {
    uint32_t *ids;
    size_t capacity;
    size_t count;
    uint32_t lead; /* goes before the first id, unless that is the same; LW_NO_ID: nothing does */
} lw_id_list;

static inline void lw_store_id(lw_id_list *list, uint32_t id) {
    if (list->count < list->capacity)
        list->ids[list->count] = id;
    list->count++;
}

static inline void lw_put_lead(lw_id_list *list, uint32_t following) {
    if (list->lead != LW_NO_ID && list->lead != following)
        lw_store_id(list, list->lead);
    list->lead = LW_NO_ID;
}

static inline void lw_put_id(lw_id_list *list, uint32_t id) {
    lw_put_lead(list, id);
    lw_store_id(list, id);
}

/* Append the ids of a word. scratch: 8-byte aligned, LW_BPE_SYMBOL_BYTES for each of `bytes`. */
void lw_bpe_encode(const lw_text_view *text, const uint8_t *word, size_t bytes, void *scratch,
                   lw_id_list *ids);

#endif
