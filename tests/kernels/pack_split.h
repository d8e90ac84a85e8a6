/* Layout split by the formulas of runtime/FORMAT.md, independent of kernels/. */
#ifndef PACK_SPLIT_H
#define PACK_SPLIT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the three parts of the codes. */
size_t split_bytes(int32_t rows, int32_t cols);

/* Columns in whole groups of 64. */
int32_t split_padded_cols(int32_t cols);

/* Fill packed[split_bytes]. codes[n * cols + k]: 0..56; dither[k]: 0..7, of the padded columns. */
void split_pack(uint8_t *packed, int32_t rows, int32_t cols, const uint8_t *codes,
                const uint8_t *dither);

#endif
