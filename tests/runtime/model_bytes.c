#include "model_bytes.h"

#include <string.h>

#include "check.h"
#include "crc32.h"
#include "lutwerk/lutwerk.h"

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

uint8_t *write_file(const file_section sections[LW_SECTION_COUNT], size_t *bytes) {
    static const char tags[][5] = {"CONF", "TENS", "PLAN", "STRS", "TOKN",
                                   "TEXT", "CHAT", "GOLD", "DATA"};
    uint64_t end = sizeof(lw_header_record) + TABLE_BYTES;
    for (uint32_t i = 0; i < LW_SECTION_COUNT; i++)
        end = lw_round_up(end, LW_ALIGN) + sections[i].bytes;
    uint8_t *file = allocate_aligned(end);
    memset(file, 0, end);
    lw_section_record *table = table_of(file);
    uint64_t at = sizeof(lw_header_record) + TABLE_BYTES;
    for (uint32_t i = 0; i < LW_SECTION_COUNT; i++) {
        at = lw_round_up(at, LW_ALIGN);
        memcpy(table[i].tag, tags[i], sizeof table[i].tag);
        table[i].offset = at;
        table[i].bytes = sections[i].bytes;
        memcpy(file + at, sections[i].data, sections[i].bytes);
        at += sections[i].bytes;
    }
    lw_header_record *header = (lw_header_record *)(void *)file;
    memcpy(header->magic, "lutwerk\n", sizeof header->magic);
    header->version = LW_FORMAT_VERSION;
    header->sections = LW_SECTION_COUNT;
    header->bytes = end;
    fix_checksums(file, end);
    *bytes = end;
    return file;
}
