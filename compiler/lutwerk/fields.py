"""Layout ``fields``: tiles of 16 rows x 32 columns at any width of a code (runtime/FORMAT.md).

The high parts of layout ``split`` lie in such tiles of 3 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
#: A piece of a code: byte index, bit position in the byte, width in bits, and its lowest bit within the code.
Piece = tuple[int, int, int, int]
#: A piece of a field: vector, bit position in its bytes, width in bits.
FieldPiece = tuple[int, int, int]

ROWS, COLS = 16, 32
_VECTOR = 64
#: Fields of a tile, of 4 columns each.
_FIELDS = 8

#: Fields that do not lie whole in a byte, by width of a code.
_COMPOSED: dict[int, list[list[FieldPiece]]] = {
    3: [[(0, 6, 2), (2, 6, 1)], [(1, 6, 2), (2, 7, 1)]],
    5: [[(0, 5, 3), (3, 6, 2)], [(1, 5, 3), (4, 6, 2)], [(2, 5, 3), (3, 5, 1), (4, 5, 1)]],
    6: [[(0, 6, 2), (1, 6, 2), (2, 6, 2)], [(3, 6, 2), (4, 6, 2), (5, 6, 2)]],
    7: [[(i, 7, 1) for i in range(7)]],
}


def _pieces(bits: int) -> list[list[FieldPiece]]:
    """Pieces of the eight fields of a tile, each field's from the highest bits of the code down."""
    per_byte = 8 // bits
    whole = [[(j // per_byte, j % per_byte * bits, bits)] for j in range(per_byte * bits)]
    return whole + _COMPOSED.get(bits, [])


def code_bytes(bits: int, rows: int, cols: int) -> int:
    """Bytes of the codes of a matrix."""
    return -(-rows // ROWS) * -(-cols // COLS) * _VECTOR * bits


def locate(bits: int, cols: int, n: int, k: int) -> list[Piece]:
    """Where the code of row ``n``, column ``k`` lies."""
    tile = n // ROWS * -(-cols // COLS) + k // COLS
    base, low = tile * _VECTOR * bits + n % ROWS * 4 + k % 4, bits
    found = []
    for vector, bit, width in _pieces(bits)[k % COLS // 4]:
        low -= width
        found.append((base + vector * _VECTOR, bit, width, low))
    return found


def pack(codes: Bytes, bits: int) -> Bytes:
    """Pack codes uint8 [whole row tiles, whole column tiles]."""
    row_tiles, col_tiles = codes.shape[0] // ROWS, codes.shape[1] // COLS
    # [field, row tile, column tile, row, column within the field]
    fields = codes.reshape(row_tiles, ROWS, col_tiles, _FIELDS, 4).transpose(3, 0, 2, 1, 4)
    out = np.zeros((row_tiles, col_tiles, bits, ROWS, 4), np.uint8)
    for field, pieces in zip(fields, _pieces(bits), strict=True):
        low = bits
        for vector, bit, width in pieces:
            low -= width
            piece = (field >> np.uint8(low)) & np.uint8((1 << width) - 1)
            out[:, :, vector] |= piece << np.uint8(bit)
    return out.reshape(-1)


def unpack(packed: Bytes, bits: int, cols: int) -> Bytes:
    """Read back codes uint8 [whole row tiles, whole column tiles]; the inverse of :func:`pack`."""
    col_tiles = -(-cols // COLS)
    vectors = packed.reshape(-1, col_tiles, bits, ROWS, 4)
    codes = np.zeros((vectors.shape[0], ROWS, col_tiles, _FIELDS, 4), np.uint8)
    fields = codes.transpose(3, 0, 2, 1, 4)
    for field, pieces in zip(fields, _pieces(bits), strict=True):
        for vector, bit, width in pieces:
            piece = (vectors[:, :, vector] >> np.uint8(bit)) & np.uint8((1 << width) - 1)
            field[:] = (field << np.uint8(width)) | piece
    return codes.reshape(-1, col_tiles * COLS)
