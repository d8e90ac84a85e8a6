/* Merges are done by rank, and from the left among equal ranks, in O(n log n): symbols are a linked
 * list, and a heap holds the merges that were possible when their symbols became neighbours. */
#include "bpe.h"

#include "utf8.h"

/* A merge in the heap: rank in the high half, the place of its left symbol in the low half. */
typedef struct {
    uint64_t *heap;
    uint32_t *id;   /* of symbol i, or LW_NO_ID after it was merged into another */
    uint32_t *next; /* symbol, or LW_NO_ID */
    uint32_t *previous;
    size_t heap_count;
    uint32_t count;
} word_state;

static const uint32_t no_symbol = UINT32_MAX;

/* The rank of a merge, or LW_NO_ID. */
static uint32_t rank_of(const lw_text_view *text, uint32_t left, uint32_t right) {
    uint32_t low = text->merge_begins[left], high = text->merge_begins[left + 1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (text->merge_rights[middle] < right)
            low = middle + 1;
        else
            high = middle;
    }
    const bool found = low < text->merge_begins[left + 1] && text->merge_rights[low] == right;
    return found ? text->merge_ranks[low] : LW_NO_ID;
}

static void push(word_state *w, uint64_t value) {
    size_t at = w->heap_count++;
    while (at > 0 && w->heap[(at - 1) / 2] > value) {
        w->heap[at] = w->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    w->heap[at] = value;
}

static uint64_t pop(word_state *w) {
    const uint64_t least = w->heap[0];
    const uint64_t value = w->heap[--w->heap_count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < w->heap_count) {
        if (child + 1 < w->heap_count && w->heap[child + 1] < w->heap[child])
            child++;
        if (w->heap[child] >= value)
            break;
        w->heap[at] = w->heap[child];
        at = child;
    }
    w->heap[at] = value;
    return least;
}

static void push_merge(const lw_text_view *text, word_state *w, uint32_t left) {
    const uint32_t rank = rank_of(text, w->id[left], w->id[w->next[left]]);
    if (rank != LW_NO_ID)
        push(w, (uint64_t)rank << 32 | left);
}

/* Do the merge if its symbols still make the same token: a symbol may since have grown. */
static void merge(const lw_text_view *text, word_state *w, uint32_t rank, uint32_t left) {
    const uint32_t right = w->next[left];
    if (w->id[left] == LW_NO_ID || right == no_symbol)
        return;
    const uint32_t now = rank_of(text, w->id[left], w->id[right]);
    if (now == LW_NO_ID || text->merge_results[now] != text->merge_results[rank])
        return;
    w->id[left] = text->merge_results[rank];
    w->id[right] = LW_NO_ID;
    w->next[left] = w->next[right];
    if (w->next[left] != no_symbol) {
        w->previous[w->next[left]] = left;
    }
    if (w->previous[left] != no_symbol)
        push_merge(text, w, w->previous[left]);
    if (w->next[left] != no_symbol)
        push_merge(text, w, left);
}

static void add_symbol(word_state *w, uint32_t id) {
    w->id[w->count++] = id;
}

static uint32_t character_id(const lw_text_view *text, uint32_t code_point) {
    uint32_t low = 0, high = text->record->characters;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (text->characters[middle] < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    const bool found = low < text->record->characters && text->characters[low] == code_point;
    return found ? text->character_ids[low] : LW_NO_ID;
}

/* The symbols that a word begins as: bytes, or characters, those without a token as bytes or as
 * unk. */
static void add_symbols(const lw_text_view *text, const uint8_t *word, size_t bytes,
                        word_state *w) {
    const lw_text_record *r = text->record;
    bool after_unknown = false;
    for (size_t i = 0, length = 1; i < bytes; i += length) {
        uint32_t id = LW_NO_ID;
        if (r->alphabet == LW_ALPHABET_BYTES) {
            id = text->byte_ids[word[i]];
        } else {
            const lw_utf8 read = lw_utf8_read(word + i, bytes - i);
            length = read.bytes;
            id = character_id(text, read.code_point);
            if (id == LW_NO_ID && text->byte_ids[0] != LW_NO_ID) {
                for (size_t b = i; b < i + length; b++)
                    add_symbol(w, text->byte_ids[word[b]]);
                continue;
            }
        }
        const bool unknown = id == LW_NO_ID;
        if (unknown)
            id = after_unknown && r->flags & LW_FUSE_UNK ? LW_NO_ID : r->unk;
        if (id != LW_NO_ID)
            add_symbol(w, id);
        after_unknown = unknown;
    }
}

/* The token that spells the whole word, or LW_NO_ID. The hash is FNV-1a. */
static uint32_t word_id(const lw_text_view *text, const uint8_t *word, size_t bytes) {
    uint32_t hash = 0x811C9DC5;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ word[i]) * 0x01000193;
    const uint32_t mask = text->record->words - 1;
    for (uint32_t slot = hash & mask;; slot = (slot + 1) & mask) {
        const uint32_t id = text->words[slot];
        if (id == LW_NO_ID)
            return LW_NO_ID;
        const uint32_t begin = text->piece_begins[id], end = text->piece_begins[id + 1];
        if (end - begin == bytes && memcmp(text->pieces + begin, word, bytes) == 0)
            return id;
    }
}

void lw_bpe_encode(const lw_text_view *text, const uint8_t *word, size_t bytes, void *scratch,
                   lw_id_list *ids) {
    if (text->record->words > 0) {
        const uint32_t id = word_id(text, word, bytes);
        if (id != LW_NO_ID) {
            lw_put_id(ids, id);
            return;
        }
    }
    /* Each merge takes one entry out of the heap and puts at most two in: 2n places are enough. */
    word_state w = {.heap = scratch};
    w.id = (uint32_t *)(void *)(w.heap + 2 * bytes);
    w.next = w.id + bytes;
    w.previous = w.next + bytes;
    add_symbols(text, word, bytes, &w);
    for (uint32_t i = 0; i < w.count; i++) {
        w.previous[i] = i > 0 ? i - 1 : no_symbol;
        w.next[i] = i + 1 < w.count ? i + 1 : no_symbol;
    }
    for (uint32_t i = 0; i + 1 < w.count; i++)
        push_merge(text, &w, i);
    while (w.heap_count > 0) {
        const uint64_t least = pop(&w);
        merge(text, &w, (uint32_t)(least >> 32), (uint32_t)least);
    }
    for (uint32_t i = 0; i < w.count; i++)
        if (w.id[i] != LW_NO_ID)
            lw_put_id(ids, w.id[i]);
}
