"""What the header of a program says: whether it can run on the device at all."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from lutwerk.architectures import ARCHITECTURES

_PT_LOAD, _PT_INTERP = 1, 3
_MAGIC = b"\x7fELF"


@dataclass(frozen=True)
class Program:
    """Facts of an ELF program.

    Attributes:
        architecture: A name in ``ARCHITECTURES``, or None for one that is not there.
        static: Whether it needs no dynamic loader.
        page_bytes: The greatest page size of a kernel that can map it.
    """

    architecture: str | None
    static: bool
    page_bytes: int


def read_program(data: bytes) -> Program:
    """Read the headers of a little-endian ELF file (System V ABI, "Object Files").

    Raises ValueError for anything else.
    """
    if data[:4] != _MAGIC or data[5:6] != b"\x01":
        raise ValueError("not a little-endian ELF program")
    wide = data[4] == 2
    try:
        (machine,) = struct.unpack_from("<H", data, 18)
        table, size, count = (
            (*struct.unpack_from("<Q", data, 32), *struct.unpack_from("<HH", data, 54))
            if wide
            else (*struct.unpack_from("<I", data, 28), *struct.unpack_from("<HH", data, 42))
        )
        segments = [
            (
                struct.unpack_from("<I", data, at)[0],
                struct.unpack_from("<Q" if wide else "<I", data, at + (48 if wide else 28))[0],
            )
            for at in range(table, table + size * count, size)
        ]
    except struct.error as error:
        raise ValueError("a truncated ELF program") from error
    loads = [alignment for kind, alignment in segments if kind == _PT_LOAD]
    if not loads:
        raise ValueError("an ELF file that is no program")
    found = (
        a.name for a in ARCHITECTURES.values() if (a.elf_class, a.elf_machine) == (data[4], machine)
    )
    return Program(next(found, None), all(k != _PT_INTERP for k, _ in segments), min(loads))
