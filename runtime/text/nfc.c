/* Normalization Form C: Unicode Standard Annex 15 and The Unicode Standard, section 3.11; Hangul
 * syllables by section 3.12. Text is worked on in runs that begin at a code point before which all
 * is settled, so that most characters are only copied. */
#include "normalize.h"

#include "utf8.h"

enum {
    SYLLABLE = 0xAC00,
    LEADING = 0x1100,
    VOWEL = 0x1161,
    TRAILING = 0x11A7,
    LEADINGS = 19,
    VOWELS = 21,
    TRAILINGS = 28,
    SYLLABLES = LEADINGS * VOWELS * TRAILINGS,
    MAX_INSERTED = 32 /* marks in one run up to which sorting by insertion is used */
};

typedef struct {
    const lw_text_view *text;
    const lw_nfc_scratch *scratch;
    size_t count;
    bool full;
} run;

static uint32_t class_of(const run *r, uint32_t code_point) {
    return lw_class_of(r->text, r->text->record->nfc_map, code_point);
}

static void add_code_point(run *r, uint32_t code_point) {
    if (r->count == r->scratch->capacity)
        r->full = true;
    else
        r->scratch->code_points[r->count++] = code_point;
}

/* Append the full canonical decomposition. Syllables stay whole: composing adds to them what may be
 * added. */
static void decompose(run *r, uint32_t code_point) {
    const lw_text_view *text = r->text;
    uint32_t low = 0, high = text->record->decompositions;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (text->decompositions[middle] < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == text->record->decompositions || text->decompositions[low] != code_point) {
        add_code_point(r, code_point);
        return;
    }
    for (uint32_t i = text->decomposed_begins[low]; i < text->decomposed_begins[low + 1]; i++)
        add_code_point(r, text->decomposed[i]);
}

static void sort_by_insertion(const run *r, uint32_t *marks, size_t count) {
    for (size_t i = 1; i < count; i++) {
        const uint32_t mark = marks[i], class = class_of(r, mark);
        size_t at = i;
        for (; at > 0 && class_of(r, marks[at - 1]) > class; at--)
            marks[at] = marks[at - 1];
        marks[at] = mark;
    }
}

static void sort_by_counting(const run *r, uint32_t *marks, size_t count) {
    size_t places[UINT8_MAX + 2] = {0};
    for (size_t i = 0; i < count; i++)
        places[class_of(r, marks[i]) + 1]++;
    for (size_t c = 1; c <= UINT8_MAX; c++)
        places[c] += places[c - 1];
    uint32_t *sorted = r->scratch->spare;
    for (size_t i = 0; i < count; i++)
        sorted[places[class_of(r, marks[i])]++] = marks[i];
    memcpy(marks, sorted, count * sizeof *marks);
}

/* Canonical ordering: marks between starters by their combining class, equal ones as they came. */
static void reorder(const run *r) {
    uint32_t *code_points = r->scratch->code_points;
    for (size_t i = 0; i < r->count;) {
        size_t end = i;
        while (end < r->count && class_of(r, code_points[end]) > LW_CLASS_STARTER)
            end++;
        if (end - i <= MAX_INSERTED)
            sort_by_insertion(r, code_points + i, end - i);
        else
            sort_by_counting(r, code_points + i, end - i);
        i = end + 1;
    }
}

/* The primary composite of two code points, or 0. */
static uint32_t compose_pair(const lw_text_view *text, uint32_t first, uint32_t second) {
    if (first - LEADING < LEADINGS && second - VOWEL < VOWELS)
        return SYLLABLE + ((first - LEADING) * VOWELS + (second - VOWEL)) * TRAILINGS;
    if (first - SYLLABLE < SYLLABLES && (first - SYLLABLE) % TRAILINGS == 0 &&
        second - (TRAILING + 1) < TRAILINGS - 1)
        return first + (second - TRAILING);
    const lw_composition_record *pairs = text->compositions;
    uint32_t low = 0, high = text->record->compositions;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const lw_composition_record *pair = &pairs[middle];
        if (pair->first < first || (pair->first == first && pair->second < second))
            low = middle + 1;
        else
            high = middle;
    }
    const bool found = low < text->record->compositions && pairs[low].first == first &&
                       pairs[low].second == second;
    return found ? pairs[low].composite : 0;
}

/* Canonical composition. A mark is blocked from its starter by one that stayed before it with the
 * same class or a higher one, and a starter by anything that stayed between. */
static void compose(run *r) {
    uint32_t *code_points = r->scratch->code_points;
    size_t starter = r->count, kept = 0;
    uint32_t last_class = 0;
    for (size_t i = 0; i < r->count; i++) {
        const uint32_t code_point = code_points[i], class = class_of(r, code_point);
        const uint32_t mark_class = class > LW_CLASS_STARTER ? class : 0;
        const bool adjacent = starter + 1 == kept;
        if (starter < kept && (adjacent || (last_class < mark_class))) {
            const uint32_t composite = compose_pair(r->text, code_points[starter], code_point);
            if (composite != 0) {
                code_points[starter] = composite;
                continue;
            }
        }
        if (mark_class == 0)
            starter = kept;
        last_class = mark_class;
        code_points[kept++] = code_point;
    }
    r->count = kept;
}

static void write_run(const run *r, lw_buffer *to) {
    for (size_t i = 0; i < r->count; i++) {
        uint8_t bytes[LW_UTF8_MAX];
        lw_append(to, bytes, lw_utf8_write(r->scratch->code_points[i], bytes));
    }
    to->full = to->full || r->full;
}

void lw_nfc(const lw_text_view *text, const uint8_t *bytes, size_t count, lw_buffer *to,
            const lw_nfc_scratch *scratch) {
    for (size_t i = 0; i < count;) {
        run r = {.text = text, .scratch = scratch};
        lw_utf8 read = lw_utf8_read(bytes + i, count - i);
        const size_t begin = i;
        i += read.bytes;
        const bool first_settled = class_of(&r, read.code_point) == LW_CLASS_SETTLED;
        lw_utf8 next = {.bytes = 0};
        if (i < count)
            next = lw_utf8_read(bytes + i, count - i);
        if (first_settled && (i == count || class_of(&r, next.code_point) == LW_CLASS_SETTLED)) {
            lw_append(to, bytes + begin, i - begin);
            continue;
        }
        decompose(&r, read.code_point);
        while (i < count && class_of(&r, next.code_point) != LW_CLASS_SETTLED) {
            decompose(&r, next.code_point);
            i += next.bytes;
            if (i < count)
                next = lw_utf8_read(bytes + i, count - i);
        }
        reorder(&r);
        compose(&r);
        write_run(&r, to);
    }
}
