/* A small chat template as section CHAT, for the tokeniser of toy_text.h: system messages with
 * blank ones absent, a text that cuts answers, reserved text, gaps that take white space in every
 * way. */
#ifndef LW_TESTS_TOY_CHAT_H
#define LW_TESTS_TOY_CHAT_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of a valid section, 4-byte aligned; free() it. */
uint8_t *toy_chat_build(size_t *bytes);

#endif
