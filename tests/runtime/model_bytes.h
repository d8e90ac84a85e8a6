/* Writing and editing the bytes of a model file in memory. */
#ifndef LW_TESTS_MODEL_BYTES_H
#define LW_TESTS_MODEL_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "records.h"

typedef struct {
    const void *data;
    uint64_t bytes;
} file_section;

/* A file of these sections, in the order of records.h, 64-byte aligned; free() it. */
uint8_t *write_file(const file_section sections[LW_SECTION_COUNT], size_t *bytes);

/* The start of a section's contents, of a file whose section table is valid. */
void *section_of(uint8_t *file, uint32_t section);

/* Set all checksums to what the contents say, as far as the section table makes sense. */
void fix_checksums(uint8_t *file, size_t bytes);

#endif
