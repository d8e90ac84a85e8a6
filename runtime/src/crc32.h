/* CRC-32 of zlib and PNG: reflected polynomial 0xEDB88320, initial value and final xor all ones. */
#ifndef LW_CRC32_H
#define LW_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t lw_crc32(const void *data, size_t bytes);

#endif
