/* Editing the bytes of a model file in memory. */
#ifndef LW_TESTS_MODEL_BYTES_H
#define LW_TESTS_MODEL_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "records.h"

/* The start of a section's contents, of a file whose section table is valid. */
void *section_of(uint8_t *file, uint32_t section);

/* Set all checksums to what the contents say, as far as the section table makes sense. */
void fix_checksums(uint8_t *file, size_t bytes);

#endif
