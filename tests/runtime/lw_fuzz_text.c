/* Damage section TEXT at random, open it, and encode and decode with what opens. Nothing may crash,
 * whatever the section says; build with AddressSanitizer and UndefinedBehaviorSanitizer.
 *
 *     lw_fuzz_text [--count N] [--seed S] [section]
 *
 * Without a file, the section is that of the toy tokeniser of these tests. The seed is printed;
 * with it a run can be repeated. */
#include <string.h>

#include "check.h"
#include "fuzz_options.h"
#include "tables.h"
#include "toy_text.h"

enum { MAX_TEXT = 96, MAX_DECODED = 64, MAX_LONGEST = 1 << 20 };

/* Parts of what the toy tokeniser knows, and random bytes. */
static size_t make_text(uint64_t *random, char *to) {
    static const char *const parts[] = {"a",     "b",         "ab",       " ",  "<s>",
                                        "<unk>", "e\xCC\x81", "\xCC\xA3", "ba", "\xEA\xB0\x80",
                                        "'s ",   "12"};
    size_t count = 0;
    const uint32_t pieces = random_below(random, 12);
    for (uint32_t i = 0; i < pieces; i++) {
        const uint32_t choice = random_below(random, 2 * sizeof parts / sizeof *parts);
        if (choice < sizeof parts / sizeof *parts) {
            memcpy(to + count, parts[choice], strlen(parts[choice]));
            count += strlen(parts[choice]);
        } else {
            to[count++] = (char)random_u64(random);
        }
    }
    return count;
}

static void run_text(uint64_t *random, const lw_text *text) {
    char *utf8 = allocate_aligned(MAX_TEXT);
    const size_t bytes = make_text(random, utf8);
    const size_t size = lw_text_scratch_bytes(text, bytes);
    uint32_t ids[MAX_DECODED];
    size_t count;
    if (size <= MAX_LONGEST) {
        void *scratch = allocate_aligned(size);
        const lw_status status = lw_text_encode(text, utf8, bytes, random_below(random, 4), scratch,
                                                size, ids, MAX_DECODED, &count);
        /* Damaged steps may grow a text beyond what the damaged header promises. */
        CHECK(status == LW_OK || status == LW_ERR_WORKSPACE);
        free(scratch);
    }
    free(utf8);

    lw_text_info info;
    lw_text_get_info(text, &info);
    char *out = allocate_aligned(info.piece_bytes);
    lw_text_stream stream;
    lw_text_start(text, &stream, (int)random_below(random, 2));
    for (int i = 0; i < MAX_DECODED; i++)
        CHECK(lw_text_feed(text, &stream, random_below(random, info.tokens + 2), i % 2, out) <=
              info.piece_bytes);
    CHECK(lw_text_finish(text, &stream, out) <= 12);
    free(out);
}

int main(int argc, char **argv) {
    const fuzz_options options = parse_fuzz_options(argc, argv, "section");
    uint64_t random = options.seed * 2 + 1;
    size_t bytes;
    uint8_t *original = options.path ? read_file(options.path, &bytes) : toy_text_build(&bytes);
    lw_text text;
    CHECK_EQUAL(lw_text_open(original, bytes, &text), LW_OK);
    unsigned long opened = 0;
    for (unsigned long i = 0; i < options.count; i++) {
        uint8_t *damaged = allocate_aligned(bytes);
        memcpy(damaged, original, bytes);
        const uint32_t damages = 1 + random_below(&random, 3);
        for (uint32_t d = 0; d < damages; d++) {
            /* Half of the damage goes to the header and the first tables. */
            const size_t limit = random_below(&random, 2) ? bytes : bytes < 4096 ? bytes : 4096;
            damage_word(&random, damaged, limit);
        }
        const lw_status status = lw_text_open(damaged, bytes, &text);
        CHECK(status == LW_OK || status == LW_ERR_TEXT);
        if (status == LW_OK) {
            opened++;
            for (int repeat = 0; repeat < 4; repeat++)
                run_text(&random, &text);
        }
        free(damaged);
    }
    printf("%lu of %lu opened\n", opened, options.count);
    CHECK(opened > 0 && opened < options.count);
    free(original);
    return 0;
}
