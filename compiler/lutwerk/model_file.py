"""Records of ``model.lw`` and a reader for them; runtime/FORMAT.md specifies every byte.

The writer (lutwerk.emit) and the reference executor (lutwerk.reference) share these record types. The reader trusts
the file's author: the C library's ``lw_model_open`` is what validates files from strangers.
"""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwerk import layouts, split
from lutwerk.defs import FORMATS, LAYOUTS, OPS, Format, Layout
from lutwerk.errors import BundleError

MAGIC = b"lutwerk\n"
FORMAT_VERSION = 1
SECTIONS = ("CONF", "TENS", "PLAN", "STRS", "TOKN", "TEXT", "CHAT", "GOLD", "DATA")
NONE = 0xFFFFFFFF
LOGITS_OFFSET = 0xFFFFFFFFFFFFFFFF

HEADER = np.dtype(
    [
        ("magic", "S8"),
        ("version", "<u4"),
        ("sections", "<u4"),
        ("bytes", "<u8"),
        ("table_crc", "<u4"),
        ("header_crc", "<u4"),
        ("zero", "V32"),
    ]
)
SECTION = np.dtype(
    [("tag", "S4"), ("crc", "<u4"), ("offset", "<u8"), ("bytes", "<u8"), ("zero", "<u8")]
)
CONF = np.dtype(
    [
        *((name, "<u4") for name in ("vocab", "hidden", "layers", "heads", "kv_heads")),
        *((name, "<u4") for name in ("head_dim", "max_context", "chunk", "head_begin", "isa")),
        *((name, "<u4") for name in ("bos", "tensors", "ops", "kv_type")),
        ("arena_bytes", "<u8"),
        ("zero1", "V64"),
    ]
)
TENSOR = np.dtype(
    [
        *((name, "<u4") for name in ("name_offset", "name_bytes", "format", "layout")),
        *((name, "<u4") for name in ("fingerprint", "rows", "cols", "zero")),
        *((name, "<u8") for name in ("codes", "codes_bytes", "scales", "scales_bytes")),
    ]
)
OPERAND = np.dtype([("offset", "<u8"), ("stride", "<u4"), ("width", "<u4")])
OP = np.dtype(
    [
        ("op", "<u4"),
        ("layer", "<u4"),
        ("tensor", "<u4"),
        ("param", "<f4"),
        ("dst", OPERAND),
        ("src0", OPERAND),
        ("src1", OPERAND),
        ("share", "<u4"),
        ("zero", "V28"),
    ]
)


def q8_stride(cols: int) -> int:
    """Codes per token of int8 activations, padding included (``lw_q8_stride`` in kernels/kernel.h)."""
    return (cols + 19 + 63) // 64 * 64


def q8_bytes(cols: int, chunk: int) -> int:
    """Bytes of int8 activations of ``chunk`` tokens: codes, sums of 32, scales."""
    stride = q8_stride(cols)
    return round_up(chunk * stride + chunk * (stride // 32) * 4 + chunk * 4, layouts.ALIGN)


def round_up(n: int, multiple: int) -> int:
    """The first multiple of ``multiple`` that is at least ``n``."""
    return -(-n // multiple) * multiple


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of the file: packed bytes and how to read them."""

    name: str
    format: Format
    layout: Layout
    rows: int
    cols: int
    codes: NDArray[np.uint8]
    scales: NDArray[np.uint8]

    def floats(self) -> NDArray[np.float32]:
        """A float tensor as float32 [rows, cols]."""
        kind = "<f4" if self.format.bits == 32 else "<f2"
        return self.codes.view(kind).reshape(self.rows, self.cols).astype(np.float32)

    def row_blocks(self, rows: int = 2048) -> list[range]:
        """Ranges of whole row tiles, about ``rows`` rows each."""
        step = round_up(rows, self.layout.tile_rows)
        return [range(i, min(i + step, self.rows)) for i in range(0, self.rows, step)]

    def block(self, rows: range) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        """Values int16 [rows, cols] and scales float32 [rows, groups] of a block from :meth:`row_blocks`.

        An element of the matrix is a value times its scale.
        """
        scales, zeros = layouts.unpack_scales(
            self.scales, self.format, self.layout, self.rows, self.cols, rows
        )
        values = self._codes(rows).astype(np.int16) * np.int16(self.format.step)
        if zeros is None:
            return values - np.int16(self.format.offset), scales
        return values - np.repeat(zeros.astype(np.int16), self.format.group, axis=1)[
            :, : self.cols
        ], scales

    def _codes(self, rows: range) -> NDArray[np.uint8]:
        if self.layout.name == "split":
            return split.unpack(self.codes, self.rows, self.cols, rows)
        first_tile = rows.start // self.layout.tile_rows
        last_tile = -(-rows.stop // self.layout.tile_rows)
        per_tile = self.codes.size // -(-self.rows // self.layout.tile_rows)
        return layouts.unpack(
            self.codes[first_tile * per_tile : last_tile * per_tile],
            self.format,
            self.layout,
            len(rows),
            self.cols,
        )


@dataclass(frozen=True)
class ModelFile:
    """A parsed ``model.lw``; arrays are views of the mapping."""

    conf: dict[str, int]
    tensors: list[StoredTensor]
    ops: NDArray[np.void]
    tokenizer: dict[str, Any] | None

    def op_names(self) -> list[str]:
        """The kind of each operation, in order."""
        names = {id_: name for name, id_ in OPS.items()}
        return [names[int(i)] for i in self.ops["op"]]


def read_sections(path: Path) -> dict[str, memoryview]:
    """Map the file and return its sections by tag. Raises BundleError when it is not a model file."""
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read: {error}") from error
    table_bytes = SECTION.itemsize * len(SECTIONS)
    if len(data) < HEADER.itemsize + table_bytes or bytes(data[:8]) != MAGIC:
        raise BundleError(f"{path}: not a lutwerk model file", "ERR_MAGIC")
    table = np.frombuffer(data, SECTION, len(SECTIONS), HEADER.itemsize)
    return {
        row["tag"].decode("ascii", "replace"): data[row["offset"] : row["offset"] + row["bytes"]]
        for row in table
    }


def read_tokenizer(sections: dict[str, memoryview]) -> dict[str, Any] | None:
    """The TOKN section, or None when the bundle has no tokeniser."""
    text = bytes(sections["TOKN"])
    return dict(json.loads(text)) if text else None


def read_golden(sections: dict[str, memoryview]) -> tuple[NDArray[np.uint32], str]:
    """The GOLD section: token ids, and the SHA-256 of the logits that they give, in hexadecimal."""
    gold = sections["GOLD"]
    count = int(np.frombuffer(gold, "<u4", 1)[0])
    return np.frombuffer(gold, "<u4", count, 4), bytes(gold[4 + 4 * count :]).hex()


def read_model_file(path: Path) -> ModelFile:
    """Parse ``model.lw``."""
    sections = read_sections(path)
    conf_row = np.frombuffer(sections["CONF"], CONF)[0]
    conf = {name: int(conf_row[name]) for name in CONF.names or () if not name.startswith("zero")}
    formats = {f.id: f for f in FORMATS.values()}
    known_layouts = {f.id: f for f in LAYOUTS.values()}
    data = np.frombuffer(sections["DATA"], np.uint8)
    strings = bytes(sections["STRS"])
    tensors = [
        StoredTensor(
            strings[row["name_offset"] : row["name_offset"] + row["name_bytes"]].decode(),
            formats[int(row["format"])],
            known_layouts[int(row["layout"])],
            int(row["rows"]),
            int(row["cols"]),
            data[row["codes"] : row["codes"] + row["codes_bytes"]],
            data[row["scales"] : row["scales"] + row["scales_bytes"]],
        )
        for row in np.frombuffer(sections["TENS"], TENSOR)
    ]
    return ModelFile(
        conf,
        tensors,
        np.frombuffer(sections["PLAN"], OP),
        read_tokenizer(sections),
    )
