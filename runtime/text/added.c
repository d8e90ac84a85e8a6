/* Added tokens are found leftmost first, of those the longest, in one walk from left to right: what
 * the search of the `tokenizers` library gives. Their flags then decide what becomes of a match;
 * one that is refused is not searched again. */
#include "added.h"

#include "utf8.h"

/* The child of `node` for a byte, or 0: no child is the root. */
static uint32_t child_of(const lw_trie *trie, uint32_t node, uint8_t byte) {
    uint32_t low = trie->begins[node], high = trie->begins[node + 1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (trie->labels[middle] == byte)
            return trie->targets[middle];
        if (trie->labels[middle] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* The longest pattern at `at` that ends before `limit`; its length is 0 when there is none. */
static size_t match_at(const lw_added *walk, size_t at, size_t limit, uint32_t *token) {
    size_t longest = 0;
    *token = LW_NO_ID;
    uint32_t node = 0;
    for (size_t i = at; i < limit; i++) {
        node = child_of(walk->trie, node, walk->bytes[i]);
        if (node == 0)
            break;
        if (walk->trie->tokens[node] != LW_NO_ID) {
            *token = walk->trie->tokens[node];
            longest = i + 1 - at;
        }
    }
    return longest;
}

static uint32_t class_at(const lw_added *walk, size_t at, size_t *bytes) {
    const lw_utf8 read = lw_utf8_read(walk->bytes + at, walk->count - at);
    *bytes = read.bytes;
    return lw_class_of(walk->text, walk->text->record->word_map, read.code_point);
}

/* Where the character that ends at `end` begins. */
static size_t previous(const lw_added *walk, size_t end) {
    size_t at = end - 1;
    while (at > 0 && end - at < LW_UTF8_MAX && (walk->bytes[at] & 0xC0) == 0x80)
        at--;
    return at;
}

static bool stands_alone(const lw_added *walk, size_t begin, size_t end) {
    size_t bytes;
    if (begin > 0 && class_at(walk, previous(walk, begin), &bytes) == LW_CLASS_WORD)
        return false;
    return end == walk->count || class_at(walk, end, &bytes) != LW_CLASS_WORD;
}

static size_t skip_spaces_before(const lw_added *walk, size_t begin) {
    size_t bytes;
    while (begin > 0) {
        const size_t at = previous(walk, begin);
        if (class_at(walk, at, &bytes) != LW_CLASS_SPACE)
            break;
        begin = at;
    }
    return begin;
}

static size_t skip_spaces_after(const lw_added *walk, size_t end) {
    size_t bytes = 0;
    while (end < walk->count && class_at(walk, end, &bytes) == LW_CLASS_SPACE)
        end += bytes;
    return end;
}

/* The next mark or match from walk->search on; *bytes is 0 when there is none here. True for a
 * mark. Matches end before the next mark. */
static bool next_at(lw_added *walk, size_t *bytes, uint32_t *token) {
    lw_marks *known = &walk->known;
    if (known->count == 0 || known->marks->begin > walk->search) {
        const size_t limit = known->count > 0 ? known->marks->begin : walk->count;
        *bytes = match_at(walk, walk->search, limit, token);
        return false;
    }
    *bytes = known->marks->bytes;
    *token = known->marks->token;
    known->marks++;
    known->count--;
    return true;
}

/* Whether a match is a token, not text. */
static bool is_taken(const lw_added *walk, size_t begin, size_t end, uint32_t token) {
    const uint8_t flags = walk->text->token_flags[token];
    for (size_t i = 0; i < walk->known.kind_count; i++)
        if (walk->known.kinds[i].token == token)
            return false;
    return (walk->special || !(flags & LW_TOKEN_SPECIAL)) &&
           (!(flags & LW_TOKEN_SINGLE_WORD) || stands_alone(walk, begin, end));
}

/* The next match that its flags accept, with the spaces that it takes along. */
static bool find(lw_added *walk, size_t *begin, size_t *end, uint32_t *token) {
    while (walk->search < walk->count) {
        const size_t at = walk->search;
        size_t bytes;
        uint32_t id;
        const bool is_mark = next_at(walk, &bytes, &id);
        walk->search += bytes > 0 ? bytes : 1;
        if (bytes == 0 || (!is_mark && !is_taken(walk, at, at + bytes, id)))
            continue;
        const uint8_t flags = walk->text->token_flags[id];
        *begin = at;
        if (flags & LW_TOKEN_LSTRIP) {
            const size_t left = skip_spaces_before(walk, at);
            *begin = left > walk->settled ? left : walk->settled;
        }
        *end = flags & LW_TOKEN_RSTRIP ? skip_spaces_after(walk, at + bytes) : at + bytes;
        *token = id;
        return true;
    }
    return false;
}

bool lw_added_next(lw_added *walk, lw_stretch *stretch) {
    if (walk->has_next) {
        *stretch = walk->next;
        walk->has_next = false;
        return true;
    }
    size_t begin = walk->count, end = walk->count;
    uint32_t token = LW_NO_ID;
    const bool found = find(walk, &begin, &end, &token);
    const lw_stretch text = {walk->bytes + walk->settled,
                             begin > walk->settled ? begin - walk->settled : 0, LW_NO_ID};
    walk->settled = end;
    walk->next = (lw_stretch){walk->bytes + begin, 0, token};
    walk->has_next = found;
    if (text.bytes == 0)
        return found && lw_added_next(walk, stretch);
    *stretch = text;
    return true;
}
