/* A small tokeniser as section TEXT, built in memory: characters with byte fallback, every kind of
 * step, two stages, added tokens of every kind, NFC. */
#ifndef LW_TESTS_TOY_TEXT_H
#define LW_TESTS_TOY_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* <unk>, <s>, then the 256 bytes, then pieces. */
enum {
    TOY_UNK,
    TOY_BOS,
    TOY_BYTE,
    TOY_A = TOY_BYTE + 256,
    TOY_B,
    TOY_AB,
    TOY_MARK,
    TOY_MARK_AB,
    TOY_E_ACUTE,
    TOY_TOKENS
};

/* The bytes of a valid section, 4-byte aligned; free() it. */
uint8_t *toy_text_build(size_t *bytes);

#endif
