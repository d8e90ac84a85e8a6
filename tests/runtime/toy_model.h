/* A small transformer with random weights, built in memory: every operation, every layout, odd
 * widths, arena memory that is reused with another stride. */
#ifndef LW_TESTS_TOY_MODEL_H
#define LW_TESTS_TOY_MODEL_H

#include <stddef.h>
#include <stdint.h>

/* Just large enough that threads share matrix products and lookup tables (MIN_PRODUCTS in ops.c).
 */
enum {
    TOY_VOCAB = 411,
    TOY_HIDDEN = 357,
    TOY_LAYERS = 3,
    TOY_HEADS = 4,
    TOY_KV_HEADS = 2,
    TOY_HEAD_DIM = 10,
    TOY_INNER = 211,
    TOY_CONTEXT = 64,
    TOY_CHUNK = 8,
    TOY_TENSORS = 3 + 6 * TOY_LAYERS,
    TOY_OPS = 3 + 17 * TOY_LAYERS, /* one more with a packed head */
};

/* Format and layout of the embedding, which is also the head. */
typedef enum { TOY_HEAD_F16, TOY_HEAD_FIELDS, TOY_HEAD_SPLIT } toy_head;

/* The bytes of a valid model file, 64-byte aligned; free() it. Its KV cache is float16 like the
 * head, else int8. */
uint8_t *toy_model_build(uint64_t seed, toy_head head, size_t *bytes);

#endif
