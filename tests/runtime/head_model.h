/* A model without layers: a table of states, quantised and multiplied with a head in layout split.
 * Token t has state t, so that a test chooses the activations of the head. */
#ifndef LW_TESTS_HEAD_MODEL_H
#define LW_TESTS_HEAD_MODEL_H

#include <stddef.h>
#include <stdint.h>

enum { HEAD_CONTEXT = 256 };

typedef struct {
    uint32_t vocab;
    uint32_t hidden;
    const float *states;   /* [vocab][hidden] */
    const uint8_t *codes;  /* [vocab][hidden], 0..56 */
    const float *scales;   /* [vocab][ceil(hidden / 64)], stored as float16 */
    const uint8_t *dither; /* [hidden rounded up to 64], 0..7 */
} head_model;

/* The bytes of the model file, 64-byte aligned; free() it. */
uint8_t *head_model_build(const head_model *model, size_t *bytes);

#endif
