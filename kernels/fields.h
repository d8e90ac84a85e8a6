/* Where layout fields keeps its codes (runtime/FORMAT.md, "Layouts"): a tile of 16 rows x 32
 * columns has eight fields of 4 columns, in `bits` vectors of 64 bytes. A byte has 8 / bits whole
 * codes from bit 0 on; where that leaves bits over, the last fields are made of pieces from the
 * upper ends of bytes. */
#ifndef LW_FIELDS_H
#define LW_FIELDS_H

#include <stdint.h>

enum {
    LW_FIELDS_ROWS = 16,
    LW_FIELDS_COLS = 32,
    LW_FIELDS = 8, /* of a tile */
    LW_FIELD_COLS = 4,
    LW_FIELDS_VECTOR = 64,
    LW_FIELDS_PIECES = 7, /* of one field, at most */
};

/* Bits bit .. bit + width - 1 of the bytes of one vector. */
typedef struct {
    uint8_t vector;
    uint8_t bit;
    uint8_t width; /* 0: no piece */
} lw_piece;

/* Fields that lie whole in a byte of their own; they come first. */
static inline int lw_fields_whole(int bits) {
    return 8 / bits * bits;
}

/* Piece i of a field; the first holds the highest bits of the code. */
static inline lw_piece lw_field_piece(int bits, int field, int i) {
    static const lw_piece composed[9][3][LW_FIELDS_PIECES] = {
        [3] = {{{0, 6, 2}, {2, 6, 1}}, {{1, 6, 2}, {2, 7, 1}}},
        [5] = {{{0, 5, 3}, {3, 6, 2}}, {{1, 5, 3}, {4, 6, 2}}, {{2, 5, 3}, {3, 5, 1}, {4, 5, 1}}},
        [6] = {{{0, 6, 2}, {1, 6, 2}, {2, 6, 2}}, {{3, 6, 2}, {4, 6, 2}, {5, 6, 2}}},
        [7] = {{{0, 7, 1}, {1, 7, 1}, {2, 7, 1}, {3, 7, 1}, {4, 7, 1}, {5, 7, 1}, {6, 7, 1}}},
    };
    const int whole = lw_fields_whole(bits);
    if (field >= whole) {
        return composed[bits][field - whole][i];
    }
    const int in_byte = 8 / bits;
    const lw_piece all = {(uint8_t)(field / in_byte), (uint8_t)(field % in_byte * bits),
                          (uint8_t)bits};
    return i == 0 ? all : (lw_piece){0, 0, 0};
}

#endif
