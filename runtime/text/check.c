/* Validation of section TEXT: after it, encoding and decoding follow every index without a look. */
#include "tables.h"
#include "utf8.h"

enum { MAX_TOKENS = 1 << 24, MAX_GROWTH = 64, MAX_STRIP = 255, MAX_PIECE = 1 << 16 };

static bool all_below(const uint32_t *ids, uint64_t count, uint32_t limit) {
    for (uint64_t i = 0; i < count; i++)
        if (ids[i] >= limit)
            return false;
    return true;
}

static bool all_below_or_none(const uint32_t *ids, uint64_t count, uint32_t limit) {
    for (uint64_t i = 0; i < count; i++)
        if (ids[i] >= limit && ids[i] != LW_NO_ID)
            return false;
    return true;
}

static bool ascending(const uint32_t *values, uint64_t count) {
    for (uint64_t i = 1; i < count; i++)
        if (values[i - 1] >= values[i])
            return false;
    return true;
}

/* Offsets of `count` lists that follow each other and hold `total` elements. */
static bool are_offsets(const uint32_t *begins, uint64_t count, uint32_t total) {
    if (begins[0] != 0 || begins[count] != total)
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (begins[i] > begins[i + 1])
            return false;
    return true;
}

static bool is_utf8(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count;) {
        const lw_utf8 read = lw_utf8_read(bytes + i, count - i);
        if (!read.valid)
            return false;
        i += read.bytes;
    }
    return true;
}

static bool check_record(const lw_text_record *r) {
    return r->tokens >= 1 && r->tokens <= MAX_TOKENS && r->alphabet <= LW_ALPHABET_CHARACTERS &&
           r->flags < 8 && r->growth >= LW_REPLACEMENT_BYTES && r->growth <= MAX_GROWTH &&
           r->strip <= MAX_STRIP && r->normalizer_steps <= LW_MAX_STEPS &&
           r->split_steps <= LW_MAX_STEPS && r->stages <= LW_MAX_STAGES && r->maps <= LW_MAX_MAPS &&
           r->maps >= r->stages && (r->word_map < r->maps || r->word_map == LW_NO_ID) &&
           (r->nfc_map < r->maps || r->nfc_map == LW_NO_ID) && (r->words & (r->words - 1)) == 0 &&
           r->raw_nodes >= 1 && r->normal_nodes >= 1 && r->zero[0] == 0 && r->zero[1] == 0;
}

static bool check_tokens(lw_text_view *text) {
    const lw_text_record *r = text->record;
    const uint32_t n = r->tokens;
    if (!all_below(text->prefix, r->prefix, n) || !all_below(text->suffix, r->suffix, n) ||
        !are_offsets(text->piece_begins, n, r->piece_bytes))
        return false;
    const uint8_t needs_map = LW_TOKEN_SINGLE_WORD | LW_TOKEN_LSTRIP | LW_TOKEN_RSTRIP;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t bytes = text->piece_begins[i + 1] - text->piece_begins[i];
        if (bytes > MAX_PIECE || (text->token_flags[i] & LW_TOKEN_BYTE && bytes != 1) ||
            (text->token_flags[i] & needs_map && r->word_map == LW_NO_ID))
            return false;
        /* Text between bytes of the fallback is copied as it is. */
        if (r->flags & LW_BYTE_FALLBACK && !(text->token_flags[i] & LW_TOKEN_BYTE) &&
            !is_utf8(text->pieces + text->piece_begins[i], bytes))
            return false;
        if (bytes > text->longest_piece)
            text->longest_piece = bytes;
    }
    return true;
}

/* A search in `words` ends at an empty slot: one must be there. */
static bool check_words(const lw_text_view *text) {
    const lw_text_record *r = text->record;
    bool has_empty = r->words == 0;
    for (uint32_t i = 0; i < r->words && !has_empty; i++)
        has_empty = text->words[i] == LW_NO_ID;
    return has_empty && all_below_or_none(text->words, r->words, r->tokens);
}

/* Characters fall back to bytes only if each byte has a token. */
static bool check_bytes(const lw_text_view *text) {
    const lw_text_record *r = text->record;
    uint32_t missing = 0;
    for (int b = 0; b < 256; b++)
        missing += text->byte_ids[b] == LW_NO_ID;
    return all_below_or_none(text->byte_ids, 256, r->tokens) &&
           (r->alphabet == LW_ALPHABET_BYTES || missing == 0 || missing == 256);
}

static bool check_model(const lw_text_view *text) {
    const lw_text_record *r = text->record;
    if ((r->unk >= r->tokens && r->unk != LW_NO_ID) || !check_bytes(text) ||
        !ascending(text->characters, r->characters) ||
        !all_below(text->character_ids, r->characters, r->tokens) || !check_words(text) ||
        !are_offsets(text->merge_begins, r->tokens, r->merges) ||
        !all_below(text->merge_ranks, r->merges, r->merges) ||
        !all_below(text->merge_results, r->merges, r->tokens))
        return false;
    for (uint32_t i = 0; i < r->tokens; i++)
        if (!ascending(text->merge_rights + text->merge_begins[i],
                       text->merge_begins[i + 1] - text->merge_begins[i]))
            return false;
    return true;
}

static bool check_steps(const lw_text_view *text) {
    const lw_text_record *r = text->record;
    uint64_t end = 0;
    for (uint32_t i = 0; i < r->normalizer_steps + r->split_steps; i++) {
        const lw_step_record *step = &text->steps[i];
        const uint64_t begin = end;
        end += (uint64_t)step->source_bytes + step->to_bytes;
        if (step->kind > LW_STEP_PREFIX_FIRST || end > r->step_bytes ||
            (step->kind == LW_STEP_REPLACE) != (step->source_bytes > 0) ||
            (step->kind == LW_STEP_NFC && r->nfc_map == LW_NO_ID) ||
            !is_utf8(text->step_texts + begin, step->source_bytes) ||
            !is_utf8(text->step_texts + begin + step->source_bytes, step->to_bytes))
            return false;
    }
    return end == r->step_bytes;
}

static bool check_nfc(const lw_text_view *text) {
    const lw_text_record *r = text->record;
    if (!ascending(text->decompositions, r->decompositions) ||
        !are_offsets(text->decomposed_begins, r->decompositions, r->decomposed) ||
        !all_below(text->decomposed, r->decomposed, LW_CODE_POINTS))
        return false;
    for (uint32_t i = 0; i < r->compositions; i++) {
        const lw_composition_record *c = &text->compositions[i];
        if (c->composite >= LW_CODE_POINTS)
            return false;
        if (i > 0 &&
            (c[-1].first > c->first || (c[-1].first == c->first && c[-1].second >= c->second)))
            return false;
    }
    return true;
}

bool lw_text_check(lw_text_view *text) {
    const lw_text_record *r = text->record;
    return check_record(r) && check_tokens(text) && check_model(text) && check_steps(text) &&
           lw_text_check_splits(text) && check_nfc(text) &&
           lw_text_check_trie(&text->raw, r->raw_nodes, r->raw_edges, r->tokens) &&
           lw_text_check_trie(&text->normal, r->normal_nodes, r->normal_edges, r->tokens);
}
