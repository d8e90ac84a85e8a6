"""Pack codes and scales into the byte layouts of runtime/FORMAT.md, and read them back.

``locate`` is the layout written as a formula; ``pack`` and ``unpack`` are the same as array operations, and a test
compares the two on every layout of tiles. Layouts ``fields`` and ``split`` have these functions in modules
of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwerk import fields, split
from lutwerk.defs import Format, Layout
from lutwerk.fields import Piece

Codes = NDArray[np.uint8]
Bytes = NDArray[np.uint8]
#: The five trits of every byte of base3: uint8 [256, 5].
_TRITS = (np.arange(256)[:, None] // 3 ** np.arange(5) % 3).astype(np.uint8)

#: Bytes at which tensors start, so that kernels may use aligned vectors.
ALIGN = 64


def compatible(fmt: Format) -> tuple[str, ...]:
    """Names of the layouts that can hold a format."""
    if fmt.is_float:
        return ("rows",)
    first = {"TERNARY": ("base3",), "INT57": ("split",)}.get(fmt.codebook, ())
    return (*first, "fields", "planes")


def code_bytes(fmt: Format, layout: Layout, rows: int, cols: int) -> int:
    """Bytes of the codes of a matrix."""
    if layout.name == "rows":
        return rows * cols * fmt.bits // 8
    if layout.name == "split":
        return split.code_bytes(rows, cols)
    tiles = -(-rows // layout.tile_rows) * -(-cols // layout.tile_cols)
    if layout.name == "base3":
        return tiles * layout.tile_rows
    return tiles * layout.tile_rows * layout.tile_cols * fmt.bits // 8


def scale_bytes(fmt: Format, layout: Layout, rows: int, cols: int) -> int:
    """Bytes of the scales of a matrix, with the zero points behind them."""
    padded = -(-rows // layout.tile_rows) * layout.tile_rows
    per_row = {"NONE": 0, "ROW_F32": 4, "GROUP_F16": 2 * fmt.groups(cols)}[fmt.scale]
    if zeros := zero_bytes(fmt, layout, rows, cols):
        return -(-padded * per_row // ALIGN) * ALIGN + zeros
    return padded * per_row


def zero_bytes(fmt: Format, layout: Layout, rows: int, cols: int) -> int:
    """Bytes of the zero points of a matrix, the last of those of the scales."""
    tiles = -(-rows // layout.tile_rows)
    return tiles * layout.tile_rows * fmt.groups(cols) if fmt.has_zeros else 0


def lut_bytes(layout: Layout, cols: int) -> int:
    """Bytes of the lookup tables of one token of ``cols`` activations; planes needs whole 32 columns."""
    if not layout.lut_cols:
        return 0
    tables = -(-cols // layout.lut_cols)
    if layout.name == "planes":
        tables = -(-cols // layout.tile_cols) * (layout.tile_cols // layout.lut_cols)
    return tables * layout.lut_bytes


def locate(layout: Layout, bits: int, cols: int, n: int, k: int) -> list[Piece]:
    """Where the code of row ``n``, column ``k`` lies. In base3 the piece's bit position is the trit index."""
    tile = n // layout.tile_rows * -(-cols // layout.tile_cols) + k // layout.tile_cols
    row, col = n % layout.tile_rows, k % layout.tile_cols
    if layout.name == "base3":
        return [(tile * 64 + row, col, 0, 0)]
    if layout.name == "planes":
        base = tile * 256 * bits + col // 8 * 64 + row
        return [(base + 256 * p, col % 8, 1, p) for p in range(bits)]
    return fields.locate(bits, cols, n, k)


def _tiles(codes: Codes, layout: Layout, fill: int) -> Codes:
    """Pad to whole tiles: uint8 [row tiles, tile_rows, column tiles, tile_cols]."""
    rows, cols = codes.shape
    tr, tc = layout.tile_rows, layout.tile_cols
    padded = np.full((-(-rows // tr) * tr, -(-cols // tc) * tc), fill, np.uint8)
    padded[:rows, :cols] = codes
    return padded.reshape(-1, tr, padded.shape[1] // tc, tc)


def pack(codes: Codes, fmt: Format, layout: Layout) -> Bytes:
    """Pack codes uint8 [rows, cols] of an integer format. Returns uint8 [code_bytes]."""
    tiles = _tiles(codes, layout, fmt.offset)
    if layout.name == "base3":
        packed = tiles[..., 4].copy()  # [row tile, row, column tile]
        for i in (3, 2, 1, 0):
            packed *= np.uint8(3)
            packed += tiles[..., i]
        return np.ascontiguousarray(packed.transpose(0, 2, 1)).reshape(-1)
    if layout.name == "planes":
        row_tiles, _, col_tiles, _ = tiles.shape
        out = np.empty((row_tiles, col_tiles, fmt.bits, 4, 64), np.uint8)
        for p in range(fmt.bits):
            plane = np.packbits((tiles >> p) & 1, axis=3, bitorder="little")  # [., 64, ., 4]
            out[:, :, p] = plane.transpose(0, 2, 3, 1)
        return out.reshape(-1)
    row_tiles, tile_rows, col_tiles, tile_cols = tiles.shape
    return fields.pack(tiles.reshape(row_tiles * tile_rows, col_tiles * tile_cols), fmt.bits)


def unpack(packed: Bytes, fmt: Format, layout: Layout, rows: int, cols: int) -> Codes:
    """Read back codes uint8 [rows, cols]; the inverse of :func:`pack`."""
    row_tiles = -(-rows // layout.tile_rows)
    col_tiles = -(-cols // layout.tile_cols)
    tiles = np.zeros((row_tiles, layout.tile_rows, col_tiles, layout.tile_cols), np.uint8)
    if layout.name == "base3":
        tiles[:] = _TRITS[packed.reshape(row_tiles, col_tiles, 64).transpose(0, 2, 1)]
    elif layout.name == "planes":
        planes = packed.reshape(row_tiles, col_tiles, fmt.bits, 4, 64)
        for p in range(fmt.bits):
            bits = np.unpackbits(planes[:, :, p].transpose(0, 3, 1, 2), axis=3, bitorder="little")
            tiles |= bits << p
    else:
        return fields.unpack(packed, fmt.bits, cols)[:rows, :cols]
    return tiles.reshape(row_tiles * layout.tile_rows, -1)[:rows, :cols]


def pack_scales(
    scales: NDArray[np.float32], zeros: Codes | None, fmt: Format, layout: Layout
) -> Bytes:
    """Pack scales float32 and zero points uint8 [rows, groups], if there are any, in the order of FORMAT.md.

    Returns uint8 [scale_bytes].
    """
    kind = "<f4" if fmt.scale == "ROW_F32" else "<f2"
    packed = _pack_groups(scales.astype(kind), layout)
    if zeros is None:
        return packed
    padding = np.zeros(-packed.size % ALIGN, np.uint8)
    return np.concatenate([packed, padding, _pack_groups(zeros, layout)])


def _pack_groups(numbers: NDArray[Any], layout: Layout) -> Bytes:
    rows, groups = numbers.shape
    padded = np.zeros((-(-rows // layout.tile_rows), layout.tile_rows, groups), numbers.dtype)
    padded.reshape(-1, groups)[:rows] = numbers
    return np.ascontiguousarray(padded.transpose(0, 2, 1)).reshape(-1).view(np.uint8)


def unpack_scales(
    packed: Bytes, fmt: Format, layout: Layout, rows: int, cols: int, block: range
) -> tuple[NDArray[np.float32], Codes | None]:
    """Read back scales float32 and zero points uint8 [rows, groups], if there are any.

    ``block`` says of which rows; it begins with a row tile.
    """
    groups = fmt.groups(cols)
    zeros = zero_bytes(fmt, layout, rows, cols)
    kind = np.dtype("<f4" if fmt.scale == "ROW_F32" else "<f2")
    count = -(-rows // layout.tile_rows) * layout.tile_rows * groups
    first, last = block.start // layout.tile_rows, -(-block.stop // layout.tile_rows)

    def read(numbers: NDArray[Any]) -> NDArray[Any]:
        tiles = numbers.reshape(-1, groups, layout.tile_rows)[first:last]
        return tiles.transpose(0, 2, 1).reshape(-1, groups)[: len(block)]

    scales = read(packed[: count * kind.itemsize].view(kind)).astype(np.float32)
    return scales, read(packed[packed.size - zeros :]) if zeros else None
