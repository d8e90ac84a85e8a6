#include "model_bytes.h"

#include "crc32.h"

enum { TABLE_BYTES = LW_SECTION_COUNT * sizeof(lw_section_record) };

static lw_section_record *table_of(uint8_t *file) {
    return (lw_section_record *)(void *)(file + sizeof(lw_header_record));
}

void *section_of(uint8_t *file, uint32_t section) {
    return file + table_of(file)[section].offset;
}

void fix_checksums(uint8_t *file, size_t bytes) {
    if (bytes < sizeof(lw_header_record) + TABLE_BYTES)
        return;
    lw_section_record *table = table_of(file);
    for (uint32_t i = 0; i < LW_SECTION_COUNT; i++)
        if (table[i].offset <= bytes && table[i].bytes <= bytes - table[i].offset)
            table[i].crc = lw_crc32(file + table[i].offset, (size_t)table[i].bytes);
    lw_header_record *header = (lw_header_record *)(void *)file;
    header->table_crc = lw_crc32(table, TABLE_BYTES);
    header->header_crc = lw_crc32(header, offsetof(lw_header_record, header_crc));
}
