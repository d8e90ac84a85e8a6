/* Section TEXT as C types: the header as it is stored, and where its tables lie. FORMAT.md, "TEXT",
 * specifies every byte. */
#ifndef LW_TEXT_TABLES_H
#define LW_TEXT_TABLES_H

#include <stdbool.h>
#include <string.h>

#include "lutwerk/text.h"

#define LW_NO_ID UINT32_MAX

enum { LW_ALPHABET_BYTES, LW_ALPHABET_CHARACTERS };
enum { LW_FUSE_UNK = 1, LW_BYTE_FALLBACK = 2, LW_STRIP_FIRST_TOKEN = 4 };
enum { /* flags of a token */
       LW_TOKEN_SPECIAL = 1,
       LW_TOKEN_SINGLE_WORD = 2,
       LW_TOKEN_LSTRIP = 4,
       LW_TOKEN_RSTRIP = 8,
       LW_TOKEN_BYTE = 16,
       LW_TOKEN_ABSENT = 32
};
enum { LW_STEP_PREPEND, LW_STEP_REPLACE, LW_STEP_NFC, LW_STEP_PREFIX, LW_STEP_PREFIX_FIRST };
enum { LW_KEEP_BOTH, LW_KEEP_GAPS, LW_KEEP_MATCHES };
enum { LW_CLASS_WORD = 1, LW_CLASS_SPACE = 2 };      /* of the word map */
enum { LW_CLASS_SETTLED = 0, LW_CLASS_STARTER = 1 }; /* of the NFC map; marks are above */
enum { LW_STATE_DEAD = 0, LW_STATE_START = 1, LW_CELL_MATCH = 0x8000 };
enum { LW_CODE_POINTS = 0x110000, LW_BLOCK = 256, LW_MAP_BLOCKS = LW_CODE_POINTS / LW_BLOCK };
enum { LW_MAX_STEPS = 16, LW_MAX_STAGES = 8, LW_MAX_MAPS = LW_MAX_STAGES + 2 };

typedef struct {
    uint32_t tokens, alphabet, flags, unk, bos, growth;
    uint32_t strip, word_map, nfc_map, prefix, suffix, eos;
    uint32_t piece_bytes, characters, words, merges;
    uint32_t normalizer_steps, split_steps, step_bytes, stages;
    uint32_t maps, blocks, cells, decompositions, decomposed;
    uint32_t compositions, raw_nodes, raw_edges, normal_nodes, normal_edges;
    uint32_t zero[2];
} lw_text_record;

_Static_assert(sizeof(lw_text_record) == 128, "TEXT record");

typedef struct {
    uint32_t kind, source_bytes, to_bytes;
} lw_step_record;

typedef struct {
    uint32_t states, columns, keep; /* columns: classes and the end of the text */
} lw_stage_record;

typedef struct {
    uint32_t first, second, composite;
} lw_composition_record;

/* A token at a known place of a text, whatever the text says there. */
typedef struct {
    uint32_t begin, bytes, token;
} lw_mark;

typedef struct {
    const uint32_t *begins;  /* [nodes + 1] */
    const uint32_t *tokens;  /* [nodes] */
    const uint32_t *targets; /* [edges] */
    const uint8_t *labels;   /* [edges] */
} lw_trie;

typedef struct {
    const lw_text_record *record;
    const uint32_t *prefix, *suffix, *eos;
    const uint8_t *token_flags;     /* [tokens] */
    const uint32_t *piece_begins;   /* [tokens + 1] */
    const uint8_t *pieces;          /* [piece_bytes] */
    const uint32_t *byte_ids;       /* [256] */
    const uint32_t *characters;     /* [characters], ascending */
    const uint32_t *character_ids;  /* [characters] */
    const uint32_t *words;          /* [words] */
    const uint32_t *merge_begins;   /* [tokens + 1] */
    const uint32_t *merge_rights;   /* [merges], ascending for each left token */
    const uint32_t *merge_ranks;    /* [merges] */
    const uint32_t *merge_results;  /* [merges], by rank */
    const lw_step_record *steps;    /* [normalizer_steps + split_steps] */
    const uint8_t *step_texts;      /* [step_bytes] */
    const lw_stage_record *stages;  /* [stages]; stage i reads map i */
    const uint16_t *map_blocks;     /* [maps][LW_MAP_BLOCKS] */
    const uint8_t *blocks;          /* [blocks][LW_BLOCK] */
    const uint16_t *cells;          /* [stages][states][columns] */
    const uint32_t *decompositions; /* [decompositions], ascending */
    const uint32_t *decomposed_begins;
    const uint32_t *decomposed;
    const lw_composition_record *compositions; /* ascending */
    lw_trie raw, normal;
    uint64_t longest_piece;
} lw_text_view;

_Static_assert(sizeof(lw_text_view) <= sizeof(lw_text), "lw_text is too small");

static inline lw_text_view lw_view_text(const lw_text *text) {
    lw_text_view view;
    memcpy(&view, text->opaque, sizeof view);
    return view;
}

/* Class of a code point in map `map`. */
static inline uint32_t lw_class_of(const lw_text_view *text, uint32_t map, uint32_t code_point) {
    const uint16_t *index = text->map_blocks + (size_t)map * LW_MAP_BLOCKS;
    return text->blocks[(size_t)index[code_point / LW_BLOCK] * LW_BLOCK + code_point % LW_BLOCK];
}

/* Find the tables behind the header; false when the section has another size. */
bool lw_text_place(const uint8_t *section, size_t bytes, lw_text_view *text);

/* Check all that execution relies on; the tables must be placed. */
bool lw_text_check(lw_text_view *text);

/* The steps of lw_text_check that have a file of their own: automata and maps; tries. */
bool lw_text_check_splits(const lw_text_view *text);
bool lw_text_check_trie(const lw_trie *trie, uint32_t nodes, uint32_t edges, uint32_t tokens);

#endif
