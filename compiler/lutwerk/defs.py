"""The tables shared with C, read from the same ``.def`` files: formats, layouts, operations, instruction sets, status.

Installed packages carry the files in ``lutwerk/defs``; a source tree is read in place.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

_ROW = re.compile(r"LW_([A-Z]+)\((.*)\)")


def _defs_dir() -> Path:
    package = Path(__file__).parent
    installed = package / "defs"
    if installed.is_dir():
        return installed
    return package.parents[1] / "runtime" / "include" / "lutwerk"


def _rows(table: str, macro: str, fields: int) -> list[list[str]]:
    """Read one table strictly: comments and rows of ``macro`` with ``fields`` arguments, nothing else."""
    path = _defs_dir() / f"{table}.def"
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    rows = []
    for line in filter(None, map(str.strip, text.splitlines())):
        match = _ROW.fullmatch(line)
        values = [v.strip() for v in match[2].split(",", fields - 1)] if match else []
        if match is None or match[1] != macro or len(values) != fields:
            raise ValueError(
                f"{path}: expected a row LW_{macro} with {fields} values, found {line!r}"
            )
        rows.append(values)
    return rows


@dataclass(frozen=True)
class Format:
    """A numeric format: what a stored weight means (formats.def)."""

    id: int
    name: str
    codebook: str
    bits: int
    scale: str
    group: int

    @property
    def is_float(self) -> bool:
        """Whether weights are stored as IEEE numbers."""
        return self.codebook == "FLOAT"

    @property
    def offset(self) -> int:
        """The code of the value 0."""
        return {"TERNARY": 1, "INT57": 30}.get(self.codebook, 1 << (self.bits - 1))

    @property
    def max_code(self) -> int:
        """The greatest legal code."""
        return {"TERNARY": 2, "INT57": 56}.get(self.codebook, (1 << self.bits) - 1)

    @property
    def max_cols(self) -> int:
        """Columns up to which sums are exact (FORMAT.md, "Limits"); ``lw_sums_exact`` in C."""
        if self.codebook == "INT" and self.scale == "ROW_F32":
            return ((1 << 31) - 1) // (127 << (self.bits + 1))
        return 1 << 22

    def groups(self, cols: int) -> int:
        """Scales per row of ``cols`` columns."""
        return -(-cols // self.group) if self.group else 1


@dataclass(frozen=True)
class Layout:
    """A byte layout: where a stored weight lies (layouts.def, formulas in runtime/FORMAT.md)."""

    id: int
    name: str
    tile_rows: int
    tile_cols: int
    lut_cols: int
    lut_bytes: int

    @property
    def fingerprint(self) -> int:
        """CRC-32 of the row as text; stored with each tensor so that a changed row is noticed."""
        fields = (self.name, self.tile_rows, self.tile_cols, self.lut_cols, self.lut_bytes)
        return zlib.crc32(":".join(map(str, fields)).encode())


@dataclass(frozen=True)
class Isa:
    """An instruction set (isas.def). Within an architecture a greater number includes the smaller ones."""

    number: int
    name: str
    architecture: str


@dataclass(frozen=True)
class Status:
    """A status code of the C library (status.def)."""

    code: int
    name: str
    message: str


FORMATS: dict[str, Format] = {
    name: Format(int(id_), name, codebook, int(bits), scale, int(group))
    for id_, name, codebook, bits, scale, group in _rows("formats", "FORMAT", 6)
}
LAYOUTS: dict[str, Layout] = {
    name: Layout(int(id_), name, *map(int, numbers))
    for id_, name, *numbers in _rows("layouts", "LAYOUT", 6)
}
OPS: dict[str, int] = {name: int(id_) for id_, name in _rows("ops", "OP", 2)}
ISAS: dict[str, Isa] = {
    name: Isa(int(number), name, architecture)
    for number, name, architecture in _rows("isas", "ISA", 3)
}
STATUSES: dict[int, Status] = {
    int(code): Status(int(code), name, message.strip('"'))
    for code, name, message in _rows("status", "STATUS", 3)
}
