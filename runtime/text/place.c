/* Where the tables of section TEXT lie: their sizes follow from the header, and no offset is
 * stored. */
#include "tables.h"

typedef struct {
    const uint8_t *base;
    uint64_t end;
} cursor;

/* The next table. Its bytes are counted before any is read, and counts are 32-bit: no sum of the
 * two dozen tables overflows. */
static const void *take(cursor *at, uint64_t count, uint64_t element_bytes) {
    const uint64_t begin = at->end;
    at->end += (count * element_bytes + 3) / 4 * 4;
    return (const void *)((uintptr_t)at->base + (uintptr_t)begin);
}

static lw_trie take_trie(cursor *at, uint64_t nodes, uint64_t edges) {
    lw_trie trie;
    trie.begins = take(at, nodes + 1, sizeof *trie.begins);
    trie.tokens = take(at, nodes, sizeof *trie.tokens);
    trie.targets = take(at, edges, sizeof *trie.targets);
    trie.labels = take(at, edges, sizeof *trie.labels);
    return trie;
}

bool lw_text_place(const uint8_t *section, size_t bytes, lw_text_view *text) {
    const lw_text_record *record = (const lw_text_record *)(const void *)section;
    if (bytes < sizeof *record)
        return false;
    const uint64_t steps = (uint64_t)record->normalizer_steps + record->split_steps;
    cursor at = {section, sizeof *record};
    *text = (lw_text_view){.record = record};
    text->prefix = take(&at, record->prefix, sizeof *text->prefix);
    text->suffix = take(&at, record->suffix, sizeof *text->suffix);
    text->eos = take(&at, record->eos, sizeof *text->eos);
    text->token_flags = take(&at, record->tokens, sizeof *text->token_flags);
    text->piece_begins = take(&at, (uint64_t)record->tokens + 1, sizeof *text->piece_begins);
    text->pieces = take(&at, record->piece_bytes, sizeof *text->pieces);
    text->byte_ids = take(&at, 256, sizeof *text->byte_ids);
    text->characters = take(&at, record->characters, sizeof *text->characters);
    text->character_ids = take(&at, record->characters, sizeof *text->character_ids);
    text->words = take(&at, record->words, sizeof *text->words);
    text->merge_begins = take(&at, (uint64_t)record->tokens + 1, sizeof *text->merge_begins);
    text->merge_rights = take(&at, record->merges, sizeof *text->merge_rights);
    text->merge_ranks = take(&at, record->merges, sizeof *text->merge_ranks);
    text->merge_results = take(&at, record->merges, sizeof *text->merge_results);
    text->steps = take(&at, steps, sizeof *text->steps);
    text->step_texts = take(&at, record->step_bytes, sizeof *text->step_texts);
    text->stages = take(&at, record->stages, sizeof *text->stages);
    text->map_blocks = take(&at, (uint64_t)record->maps * LW_MAP_BLOCKS, sizeof *text->map_blocks);
    text->blocks = take(&at, (uint64_t)record->blocks * LW_BLOCK, sizeof *text->blocks);
    text->cells = take(&at, record->cells, sizeof *text->cells);
    text->decompositions = take(&at, record->decompositions, sizeof *text->decompositions);
    text->decomposed_begins =
        take(&at, (uint64_t)record->decompositions + 1, sizeof *text->decomposed_begins);
    text->decomposed = take(&at, record->decomposed, sizeof *text->decomposed);
    text->compositions = take(&at, record->compositions, sizeof *text->compositions);
    text->raw = take_trie(&at, record->raw_nodes, record->raw_edges);
    text->normal = take_trie(&at, record->normal_nodes, record->normal_edges);
    return at.end == bytes;
}
