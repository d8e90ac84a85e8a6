/* Validation of the automata that cut texts, of the maps that they read, and of tries. */
#include "tables.h"

/* Classes in map `map` must be below `limit`; 256 accepts all. */
static bool check_map(const lw_text_view *text, uint32_t map, uint32_t limit) {
    const uint16_t *index = text->map_blocks + (size_t)map * LW_MAP_BLOCKS;
    for (uint32_t i = 0; i < LW_MAP_BLOCKS; i++) {
        if (index[i] >= text->record->blocks)
            return false;
        const uint8_t *block = text->blocks + (size_t)index[i] * LW_BLOCK;
        /* Blocks repeat: most are that of the characters that are not assigned. */
        if (limit > UINT8_MAX || (i > 0 && index[i] == index[i - 1]))
            continue;
        for (uint32_t c = 0; c < LW_BLOCK; c++)
            if (block[c] >= limit)
                return false;
    }
    return true;
}

bool lw_text_check_splits(const lw_text_view *text) {
    const lw_text_record *r = text->record;
    uint64_t end = 0;
    for (uint32_t i = 0; i < r->stages; i++) {
        const lw_stage_record *stage = &text->stages[i];
        if (stage->states <= LW_STATE_START || stage->states > LW_CELL_MATCH ||
            stage->columns < 2 || stage->columns > 256 || stage->keep > LW_KEEP_MATCHES ||
            !check_map(text, i, stage->columns - 1))
            return false;
        const uint64_t begin = end;
        end += (uint64_t)stage->states * stage->columns;
        if (end > r->cells)
            return false;
        for (uint64_t c = begin; c < end; c++)
            if ((text->cells[c] & (LW_CELL_MATCH - 1u)) >= stage->states)
                return false;
    }
    for (uint32_t i = r->stages; i < r->maps; i++)
        if (!check_map(text, i, UINT8_MAX + 1))
            return false;
    return end == r->cells;
}

bool lw_text_check_trie(const lw_trie *trie, uint32_t nodes, uint32_t edges, uint32_t tokens) {
    if (trie->begins[0] != 0 || trie->begins[nodes] != edges)
        return false;
    for (uint32_t node = 0; node < nodes; node++) {
        const uint32_t begin = trie->begins[node], end = trie->begins[node + 1];
        if (begin > end || end > edges)
            return false;
        if (trie->tokens[node] >= tokens && trie->tokens[node] != LW_NO_ID)
            return false;
        for (uint32_t edge = begin; edge < end; edge++)
            if (trie->targets[edge] <= node || trie->targets[edge] >= nodes ||
                (edge > begin && trie->labels[edge - 1] >= trie->labels[edge]))
                return false;
    }
    /* A match takes at least one byte. */
    return trie->tokens[0] == LW_NO_ID;
}
