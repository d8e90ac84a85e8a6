#include "pack_split.h"

#include <string.h>

enum { ZERO = 30, TILE = 192 };

static size_t ceil_div(int32_t a, int32_t b) {
    return ((size_t)a + (size_t)b - 1) / (size_t)b;
}

static size_t high_bytes(int32_t rows, int32_t cols) {
    return ceil_div(rows, 16) * ceil_div(cols, 32) * TILE;
}

static size_t low_stride(int32_t cols) {
    return (ceil_div(cols, 64) * 24 + 63) / 64 * 64;
}

int32_t split_padded_cols(int32_t cols) {
    return (int32_t)ceil_div(cols, 64) * 64;
}

size_t split_bytes(int32_t rows, int32_t cols) {
    return high_bytes(rows, cols) + (size_t)rows * low_stride(cols) +
           (size_t)split_padded_cols(cols);
}

/* Field j of 8: the first six whole in a vector, the last two in two pieces. */
static void put_high(uint8_t *tile, int32_t n, int32_t k, uint32_t high) {
    uint8_t *byte = tile + n % 16 * 4 + k % 4;
    const int32_t field = k % 32 / 4;
    if (field < 6) {
        byte[field / 2 * 64] |= (uint8_t)(high << (field % 2 * 3));
    } else {
        byte[(field - 6) * 64] |= (uint8_t)((high >> 1) << 6);
        byte[128] |= (uint8_t)((high & 1) << field);
    }
}

static void put_low(uint8_t *row, int32_t k, uint32_t low) {
    uint8_t *block = row + k / 64 * 24;
    const int32_t kk = k % 64;
    block[kk % 16] |= (uint8_t)((low & 3) << (kk / 16 * 2));
    block[16 + kk % 8] |= (uint8_t)((low >> 2) << (kk / 8));
}

void split_pack(uint8_t *packed, int32_t rows, int32_t cols, const uint8_t *codes,
                const uint8_t *dither) {
    const size_t row_tile = ceil_div(cols, 32) * TILE;
    uint8_t *low = packed + high_bytes(rows, cols);
    uint8_t *stored_dither = low + (size_t)rows * low_stride(cols);
    memset(packed, 0, split_bytes(rows, cols));
    memcpy(stored_dither, dither, (size_t)split_padded_cols(cols));
    for (int32_t n = 0; n < (int32_t)ceil_div(rows, 16) * 16; n++) {
        for (int32_t k = 0; k < split_padded_cols(cols); k++) {
            const uint32_t code = n < rows && k < cols ? codes[n * cols + k] : ZERO;
            const uint32_t stored = code + dither[k];
            if (k < (int32_t)ceil_div(cols, 32) * 32) {
                uint8_t *tile = packed + (size_t)(n / 16) * row_tile + (size_t)(k / 32) * TILE;
                put_high(tile, n, k, stored >> 3);
            }
            if (n < rows) {
                put_low(low + (size_t)n * low_stride(cols), k, stored & 7);
            }
        }
    }
}
