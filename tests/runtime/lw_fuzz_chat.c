/* Damage section CHAT at random, open it, and render and encode conversations with what opens.
 * Nothing may crash, whatever the section says; build with AddressSanitizer and
 * UndefinedBehaviorSanitizer.
 *
 *     lw_fuzz_chat [--count N] [--seed S] [section]
 *
 * Without a file, the section is that of the toy template of these tests. The seed is printed; with
 * it a run can be repeated. */
#include <string.h>

#include "chat_tables.h"
#include "check.h"
#include "fuzz_options.h"
#include "toy_chat.h"
#include "toy_text.h"

enum { MAX_MESSAGES = 6, MAX_MESSAGE = 64, MAX_IDS = 32 };
static const size_t max_scratch = (size_t)64 << 20;

/* Parts of what the toy template knows, white space, and random bytes. */
static size_t make_message(uint64_t *random, char *to) {
    static const char *const parts[] = {"a",  "<s>", "/t", "\n", " ",        "\xE3\x80\x80",
                                        "u:", "<",   "s>", "b",  "\xC2\xA0", "<unk>"};
    size_t count = 0;
    const uint32_t pieces = random_below(random, 8);
    for (uint32_t i = 0; i < pieces; i++) {
        const uint32_t choice = random_below(random, sizeof parts / sizeof *parts + 2);
        if (choice < sizeof parts / sizeof *parts) {
            memcpy(to + count, parts[choice], strlen(parts[choice]));
            count += strlen(parts[choice]);
        } else {
            to[count++] = (char)random_u64(random);
        }
    }
    return count;
}

static void run_chat(uint64_t *random, const lw_chat *chat) {
    lw_chat_info info;
    lw_chat_get_info(chat, &info);
    volatile char sum = 0;
    for (size_t i = 0; i < info.stop_bytes; i++)
        sum = (char)(sum ^ info.stop[i]);

    static char utf8[MAX_MESSAGES][MAX_MESSAGE];
    lw_chat_message messages[MAX_MESSAGES];
    const size_t count = random_below(random, MAX_MESSAGES + 1);
    const uint32_t has_system = random_below(random, 2);
    for (uint32_t i = 0; i < count; i++) {
        /* Now and then out of order. */
        const uint32_t role = has_system && i == 0        ? LW_CHAT_SYSTEM
                              : (i + has_system) % 2 == 0 ? LW_CHAT_USER
                                                          : LW_CHAT_ANSWER;
        const size_t bytes = make_message(random, utf8[i]);
        messages[i] = (lw_chat_message){random_below(random, 16) ? role : i % 4, utf8[i], bytes};
    }
    const lw_chat_fault fault = lw_chat_check(chat, messages, count, NULL, NULL, NULL);
    const size_t capacity = lw_chat_text_bytes(chat, messages, count);
    const size_t size = lw_chat_scratch_bytes(chat, messages, count);
    if (size > max_scratch)
        return;
    char *text = allocate_aligned(capacity);
    void *scratch = allocate_aligned(size);
    size_t bytes = 0, id_count = 0;
    uint32_t ids[MAX_IDS];
    const size_t first = random_below(random, 3) ? 0 : random_below(random, MAX_MESSAGES + 2);
    const lw_status rendered = lw_chat_render(chat, messages, count, first, text, capacity, &bytes);
    CHECK(rendered == LW_OK || rendered == LW_ERR_ARGUMENT);
    if (first == 0)
        CHECK_EQUAL(rendered, fault == LW_CHAT_OK ? LW_OK : LW_ERR_ARGUMENT);
    CHECK(bytes <= capacity);
    CHECK_EQUAL(
        lw_chat_encode(chat, messages, count, first, scratch, size, ids, MAX_IDS, &id_count),
        rendered);
    free(scratch);
    free(text);
}

int main(int argc, char **argv) {
    const fuzz_options options = parse_fuzz_options(argc, argv, "section");
    uint64_t random = options.seed * 2 + 1;
    size_t bytes, text_bytes;
    uint8_t *tokeniser = toy_text_build(&text_bytes);
    uint8_t *original = options.path ? read_file(options.path, &bytes) : toy_chat_build(&bytes);
    lw_text text;
    lw_chat chat;
    CHECK_EQUAL(lw_text_open(tokeniser, text_bytes, &text), LW_OK);
    unsigned long opened = 0;
    for (unsigned long i = 0; i < options.count; i++) {
        uint8_t *damaged = allocate_aligned(bytes);
        memcpy(damaged, original, bytes);
        const uint32_t damages = random_below(&random, 4);
        for (uint32_t d = 0; d < damages; d++)
            damage_word(&random, damaged, bytes);
        const lw_status status = lw_chat_open(damaged, bytes, &text, &chat);
        CHECK(status == LW_OK || status == LW_ERR_CHAT);
        if (status == LW_OK) {
            opened++;
            for (int repeat = 0; repeat < 4; repeat++)
                run_chat(&random, &chat);
        }
        free(damaged);
    }
    printf("%lu of %lu opened\n", opened, options.count);
    CHECK(opened < options.count);
    free(original);
    free(tokeniser);
    return 0;
}
