#include "toy_text.h"

#include "check.h"
#include "tables.h"

enum { CAPACITY = 1 << 17, CLASSES = 3, STATES = 3 };

typedef struct {
    uint8_t *bytes;
    size_t count;
} builder;

static void put(builder *b, const void *data, size_t count, size_t element_bytes) {
    const size_t bytes = count * element_bytes;
    CHECK(b->count + bytes + 3 < CAPACITY);
    memcpy(b->bytes + b->count, data, bytes);
    b->count += (bytes + 3) / 4 * 4;
}

#define PUT(b, ...)                                                                                \
    do {                                                                                           \
        const uint32_t values_[] = {__VA_ARGS__};                                                  \
        put(b, values_, sizeof values_ / sizeof *values_, sizeof *values_);                        \
    } while (0)

/* Flags, offsets of pieces, pieces. Returns bytes of all pieces. */
static uint32_t put_pieces(builder *b) {
    static const char *const texts[] = {"a", "b", "ab", " ", " ab", "\xC3\xA9"};
    uint8_t flags[TOY_TOKENS] = {LW_TOKEN_SPECIAL | LW_TOKEN_RSTRIP,
                                 LW_TOKEN_SPECIAL | LW_TOKEN_LSTRIP};
    uint32_t begins[TOY_TOKENS + 1] = {0, 5, 8};
    char pieces[300] = "<unk><s>";
    memset(flags + TOY_BYTE, LW_TOKEN_BYTE, 256);
    flags[TOY_AB] = LW_TOKEN_SINGLE_WORD;
    for (uint32_t i = 0; i < 256; i++) {
        pieces[8 + i] = (char)i;
        begins[TOY_BYTE + i + 1] = 8 + i + 1;
    }
    uint32_t end = 8 + 256;
    for (uint32_t i = TOY_A; i < TOY_TOKENS; i++) {
        const size_t length = strlen(texts[i - TOY_A]);
        memcpy(pieces + end, texts[i - TOY_A], length);
        end += (uint32_t)length;
        begins[i + 1] = end;
    }
    put(b, flags, TOY_TOKENS, 1);
    put(b, begins, TOY_TOKENS + 1, sizeof *begins);
    put(b, pieces, end, 1);
    return end;
}

static void put_model(builder *b) {
    uint32_t byte_ids[256], merge_begins[TOY_TOKENS + 1];
    for (uint32_t i = 0; i < 256; i++)
        byte_ids[i] = TOY_BYTE + i;
    for (uint32_t i = 0; i <= TOY_TOKENS; i++)
        merge_begins[i] = i > TOY_MARK ? 2 : i > TOY_A ? 1 : 0;
    put(b, byte_ids, 256, sizeof *byte_ids);
    PUT(b, 'a', 'b', 0xE9, 0x2581);
    PUT(b, TOY_A, TOY_B, TOY_E_ACUTE, TOY_MARK);
    PUT(b, LW_NO_ID, TOY_AB);
    put(b, merge_begins, TOY_TOKENS + 1, sizeof *merge_begins);
    PUT(b, TOY_B, TOY_AB);
    PUT(b, 0, 1);
    PUT(b, TOY_AB, TOY_MARK_AB);
}

/* Two stages that cut at "b" and at the mark, the map of words and that of NFC: blocks are 0 Latin
 * and marks for the stages, 1 nothing, 2 words, 3 combining marks. */
static void put_splits(builder *b) {
    static uint16_t index[4][LW_MAP_BLOCKS];
    static uint8_t blocks[4][LW_BLOCK];
    memset(index, 0, sizeof index);
    memset(blocks, 0, sizeof blocks);
    for (int map = 0; map < 4; map++)
        for (int i = 0; i < LW_MAP_BLOCKS; i++)
            index[map][i] = 1;
    index[0][0] = index[1][0] = 0;
    index[2][0] = 2;
    index[3][3] = 3;
    blocks[0]['b'] = 1;
    blocks[0]['a'] = 2;
    memset(blocks[2] + 'a', LW_CLASS_WORD, 26);
    blocks[2][' '] = LW_CLASS_SPACE;
    blocks[3][1] = 3;
    blocks[3][0x23] = 2;
    const uint16_t cells[2][STATES][CLASSES + 1] = {
        {{0}, {0, 2, 0, 0}, {LW_CELL_MATCH, LW_CELL_MATCH | 2, LW_CELL_MATCH, LW_CELL_MATCH}},
        {{0}, {0, 0, 2, 0}, {LW_CELL_MATCH, LW_CELL_MATCH, LW_CELL_MATCH | 2, LW_CELL_MATCH}}};
    PUT(b, STATES, CLASSES + 1, LW_KEEP_BOTH, STATES, CLASSES + 1, LW_KEEP_BOTH);
    put(b, index, sizeof index, 1);
    put(b, blocks, sizeof blocks, 1);
    put(b, cells, sizeof cells, 1);
}

uint8_t *toy_text_build(size_t *bytes) {
    builder b = {.bytes = calloc(1, CAPACITY), .count = sizeof(lw_text_record)};
    CHECK(b.bytes != NULL);
    lw_text_record *r = (lw_text_record *)(void *)b.bytes;
    *r = (lw_text_record){.tokens = TOY_TOKENS,
                          .alphabet = LW_ALPHABET_CHARACTERS,
                          .flags = LW_FUSE_UNK | LW_BYTE_FALLBACK,
                          .unk = TOY_UNK,
                          .bos = TOY_BOS,
                          .growth = 3,
                          .strip = 1,
                          .word_map = 2,
                          .nfc_map = 3,
                          .prefix = 1,
                          .suffix = 1,
                          .eos = 1,
                          .characters = 4,
                          .words = 2,
                          .merges = 2,
                          .normalizer_steps = 2,
                          .split_steps = 2,
                          .step_bytes = 10,
                          .stages = 2,
                          .maps = 4,
                          .blocks = 4,
                          .cells = 2 * STATES * (CLASSES + 1),
                          .decompositions = 1,
                          .decomposed = 2,
                          .compositions = 1,
                          .raw_nodes = 8,
                          .raw_edges = 7,
                          .normal_nodes = 3,
                          .normal_edges = 2};
    PUT(&b, TOY_BOS);
    PUT(&b, TOY_B);
    PUT(&b, TOY_UNK);
    r->piece_bytes = put_pieces(&b);
    put_model(&b);
    PUT(&b, LW_STEP_NFC, 0, 0, LW_STEP_PREPEND, 0, 3, LW_STEP_REPLACE, 1, 3, LW_STEP_PREFIX_FIRST,
        0, 3);
    put(&b, "\xE2\x96\x81 \xE2\x96\x81\xE2\x96\x81", 10, 1);
    put_splits(&b);
    PUT(&b, 0xE9);
    PUT(&b, 0, 2);
    PUT(&b, 'e', 0x301);
    PUT(&b, 'e', 0x301, 0xE9);
    /* <s> and <unk> */
    PUT(&b, 0, 1, 3, 4, 5, 5, 6, 7, 7);
    PUT(&b, LW_NO_ID, LW_NO_ID, LW_NO_ID, LW_NO_ID, TOY_BOS, LW_NO_ID, LW_NO_ID, TOY_UNK);
    PUT(&b, 1, 2, 3, 4, 5, 6, 7);
    put(&b, "<su>nk>", 7, 1);
    /* ab */
    PUT(&b, 0, 1, 2, 2);
    PUT(&b, LW_NO_ID, LW_NO_ID, TOY_AB);
    PUT(&b, 1, 2);
    put(&b, "ab", 2, 1);
    *bytes = b.count;
    return b.bytes;
}
