"""Take a good model.lw apart, change one thing, and put it together with correct checksums."""

import zlib

import numpy as np

from lutwerk.model_file import CONF, HEADER, OP, SECTION, SECTIONS, TENSOR, round_up


class Parts:
    """The sections of a file as mutable records; ``build`` gives the bytes of a file that is consistent around them."""

    def __init__(self, data: bytes):
        table = np.frombuffer(data, SECTION, len(SECTIONS), HEADER.itemsize)
        raw = {
            name: data[row["offset"] : row["offset"] + row["bytes"]]
            for name, row in zip(SECTIONS, table, strict=True)
        }
        self.conf = np.frombuffer(raw["CONF"], CONF).copy()
        self.tensors = np.frombuffer(raw["TENS"], TENSOR).copy()
        self.ops = np.frombuffer(raw["PLAN"], OP).copy()
        self.other = {
            name: bytearray(raw[name]) for name in ("STRS", "TOKN", "TEXT", "CHAT", "GOLD", "DATA")
        }
        self.order = list(SECTIONS)
        self.header = {"version": 1, "sections": len(SECTIONS)}

    def kind(self, name: str) -> int:
        """Index of the first operation of a kind."""
        from lutwerk.defs import OPS

        return int(np.flatnonzero(self.ops["op"] == OPS[name])[0])

    def build(self) -> bytes:
        content = {
            "CONF": self.conf.tobytes(),
            "TENS": self.tensors.tobytes(),
            "PLAN": self.ops.tobytes(),
            **{name: bytes(section) for name, section in self.other.items()},
        }
        table = np.zeros(len(self.order), SECTION)
        end = HEADER.itemsize + table.nbytes
        body = bytearray()
        for row, name in zip(table, self.order, strict=True):
            offset = round_up(end, 64)
            body += bytes(offset - end) + content[name]
            end = offset + len(content[name])
            row["tag"], row["crc"] = name.encode(), zlib.crc32(content[name])
            row["offset"], row["bytes"] = offset, len(content[name])
        header = np.zeros(1, HEADER)
        header["magic"], header["bytes"] = b"lutwerk\n", end
        for field, value in self.header.items():
            header[field] = value
        header["table_crc"] = zlib.crc32(table.tobytes())
        return seal(header.tobytes() + table.tobytes() + bytes(body))


def seal(data: bytes) -> bytes:
    """Make the header's own checksum right again."""
    return data[:28] + zlib.crc32(data[:28]).to_bytes(4, "little") + data[32:]
