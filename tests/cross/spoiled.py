"""A model file that is valid but states logits that nothing computes."""

import zlib
from pathlib import Path

import numpy as np

from lutwerk.model_file import HEADER, SECTION, SECTIONS


def spoil_golden(path: Path) -> None:
    """Change the golden hash of a model file and all checksums above it."""
    data = bytearray(path.read_bytes())
    table = np.frombuffer(data, SECTION, len(SECTIONS), HEADER.itemsize).copy()
    gold = table[SECTIONS.index("GOLD")]
    begin, end = int(gold["offset"]), int(gold["offset"] + gold["bytes"])
    data[end - 1] ^= 1
    gold["crc"] = zlib.crc32(data[begin:end])
    header = np.frombuffer(data, HEADER, 1).copy()
    header["table_crc"] = zlib.crc32(table.tobytes())
    header["header_crc"] = zlib.crc32(header.tobytes()[:28])
    data[: HEADER.itemsize + table.nbytes] = header.tobytes() + table.tobytes()
    path.write_bytes(data)
