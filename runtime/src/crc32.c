/* Slice-by-8: eight table lookups advance the remainder by eight bytes (Kounavis and Berry, "A
 * systematic approach to building high performance software-based CRC generators", ISCC 2005). The
 * 8 KiB of tables are built on the stack by each call, about 3 microseconds, so that the library
 * has no mutable globals and needs no generated source. */
#include "crc32.h"

#include <string.h>

enum { SLICES = 8 };

static void build_tables(uint32_t table[SLICES][256]) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t remainder = byte;
        for (int bit = 0; bit < 8; bit++)
            remainder = (remainder >> 1) ^ (0xEDB88320u & (0u - (remainder & 1)));
        table[0][byte] = remainder;
    }
    for (int slice = 1; slice < SLICES; slice++)
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t shorter = table[slice - 1][byte];
            table[slice][byte] = (shorter >> 8) ^ table[0][shorter & 0xFF];
        }
}

uint32_t lw_crc32(const void *data, size_t bytes) {
    uint32_t table[SLICES][256];
    build_tables(table);
    const uint8_t *p = data;
    uint32_t crc = UINT32_MAX;
    for (; bytes >= 8; bytes -= 8, p += 8) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + 4, 4);
        low ^= crc;
        crc = table[7][low & 0xFF] ^ table[6][low >> 8 & 0xFF] ^ table[5][low >> 16 & 0xFF] ^
              table[4][low >> 24] ^ table[3][high & 0xFF] ^ table[2][high >> 8 & 0xFF] ^
              table[1][high >> 16 & 0xFF] ^ table[0][high >> 24];
    }
    for (; bytes > 0; bytes--, p++)
        crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xFF];
    return ~crc;
}
