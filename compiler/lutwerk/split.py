"""Layout ``split``: the high and the low bits of a head's codes apart, for the two-stage product.

The code of column k is stored as ``code + u[k]``, whose three high bits are read for every row of
the vocabulary and whose three low bits only for the few rows that can still win. The dither u makes
the low bits uniform and independent whatever the weights are; docs/two-stage-head.md says what
follows from that, runtime/FORMAT.md where each bit lies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lutwerk import fields
from lutwerk.fields import Bytes, Piece

#: What the dither is drawn from begins with this, so that no other use of SHA-256 gives the same bytes.
DOMAIN = b"lutwerk head dither 1"

#: The code of the value 0, which pads rows and columns (format i57g64).
_ZERO = 30
_HIGH_BITS, _LOW_BITS = 3, 3
_GROUP, _LOW_BYTES = 64, 24
_ALIGN = 64
#: Rows handled at once; bounds the temporary memory of a large matrix.
_BLOCK_ROWS = 4096


def draw_dither(codes: Bytes, scales: NDArray[np.float32]) -> Bytes:
    """The dither u of a matrix: uint8 [columns rounded up to 64], each 0..7.

    It is drawn from SHA-256 of all codes and scales, as from a random function: independent of the
    weights for every purpose but a search for weights or inputs that suit it.
    """
    rows, cols = codes.shape
    seed = hashlib.sha256(DOMAIN + np.array([rows, cols], "<u4").tobytes())
    seed.update(np.ascontiguousarray(codes).data)
    seed.update(np.ascontiguousarray(scales, "<f2").data)
    wanted = _padded(cols, _GROUP)
    blocks = (
        hashlib.sha256(seed.digest() + i.to_bytes(8, "little")).digest()
        for i in range(-(-wanted // 32))
    )
    return np.frombuffer(b"".join(blocks), np.uint8)[:wanted] & np.uint8(7)


def low_stride(cols: int) -> int:
    """Bytes of a row's low bits."""
    return _padded(_padded(cols, _GROUP) // _GROUP * _LOW_BYTES, _ALIGN)


def high_bytes(rows: int, cols: int) -> int:
    """Bytes of the high bits of a matrix, which come first."""
    return fields.code_bytes(_HIGH_BITS, rows, cols)


def code_bytes(rows: int, cols: int) -> int:
    """Bytes of a matrix: high bits, low bits, dither."""
    return high_bytes(rows, cols) + rows * low_stride(cols) + _padded(cols, _GROUP)


def locate(rows: int, cols: int, n: int, k: int) -> list[Piece]:
    """Where ``code + u[k]`` of row ``n``, column ``k`` lies; u[k] is byte k of the last part."""
    high = [
        (byte, bit, width, _LOW_BITS + low)
        for byte, bit, width, low in fields.locate(_HIGH_BITS, cols, n, k)
    ]
    low = high_bytes(rows, cols) + n * low_stride(cols) + k // _GROUP * _LOW_BYTES
    kk = k % _GROUP
    return [*high, (low + kk % 16, kk // 16 * 2, 2, 0), (low + 16 + kk % 8, kk // 8, 1, 2)]


def pack(codes: Bytes, dither: Bytes) -> Iterator[Bytes]:
    """Pack codes uint8 [rows, cols] of at most 56 in pieces that follow each other."""
    rows, cols = codes.shape
    starts = range(0, rows, _BLOCK_ROWS)
    for begin in starts:
        stored = _padded_codes(codes[begin : begin + _BLOCK_ROWS], fields.ROWS) + dither
        yield fields.pack(
            stored[:, : _padded(cols, fields.COLS)] >> np.uint8(_LOW_BITS), _HIGH_BITS
        )
    for begin in starts:
        yield _pack_low(_padded_codes(codes[begin : begin + _BLOCK_ROWS], 1) + dither)
    yield dither


def unpack(packed: Bytes, rows: int, cols: int, block: range) -> Bytes:
    """Read back the codes uint8 [len(block), cols] of some rows of a matrix, which begin a tile."""
    high_end, stride = high_bytes(rows, cols), low_stride(cols)
    low_end = high_end + rows * stride
    first, last = (high_bytes(row, cols) for row in (block.start, block.stop))
    high = fields.unpack(packed[first:last], _HIGH_BITS, cols)
    lows = packed[high_end + block.start * stride : high_end + block.stop * stride]
    low = _unpack_low(lows.reshape(len(block), stride), _padded(cols, _GROUP))
    shifted = high[: len(block), :cols] << np.uint8(_LOW_BITS) | low[:, :cols]
    return np.asarray(shifted - packed[low_end : low_end + cols])


def _padded(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def _padded_codes(codes: Bytes, row_multiple: int) -> Bytes:
    """The codes with rows and columns of the value 0 to whole tiles and groups."""
    rows, cols = codes.shape
    padded = np.full((_padded(rows, row_multiple), _padded(cols, _GROUP)), _ZERO, np.uint8)
    padded[:rows, :cols] = codes
    return padded


def _pack_low(shifted: Bytes) -> Bytes:
    """Bits 0 to 2 row by row: for 64 columns 16 bytes of bits 0 and 1, then 8 bytes of bit 2."""
    rows, columns = shifted.shape
    groups = shifted.reshape(rows, -1, _GROUP)
    pairs = (groups & 3).reshape(rows, -1, 4, 16)
    singles = np.packbits((groups >> 2 & 1).reshape(rows, -1, 8, 8), axis=2, bitorder="little")
    out = np.zeros((rows, low_stride(columns)), np.uint8)
    stored = out[:, : groups.shape[1] * _LOW_BYTES].reshape(rows, -1, _LOW_BYTES)
    stored[:, :, :16] = (
        pairs[:, :, 0] | pairs[:, :, 1] << 2 | pairs[:, :, 2] << 4 | pairs[:, :, 3] << 6
    )
    stored[:, :, 16:] = singles[:, :, 0]
    return out.reshape(-1)


def _unpack_low(packed: Bytes, columns: int) -> Bytes:
    """Low bits uint8 [rows, columns]."""
    rows = packed.shape[0]
    stored = packed[:, : columns // _GROUP * _LOW_BYTES].reshape(rows, -1, _LOW_BYTES)
    shifts = np.arange(0, 8, 2, dtype=np.uint8)[:, None]
    pairs = (stored[:, :, None, :16] >> shifts & 3).reshape(rows, columns)
    singles = np.unpackbits(stored[:, :, None, 16:], axis=2, bitorder="little")
    return np.asarray(pairs | singles.reshape(rows, columns) << 2)
