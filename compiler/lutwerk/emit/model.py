"""Streams ``model.lw`` to disk: sections, weights one at a time, golden outputs, then the checksums."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lutwerk.emit.data import weight_bytes
from lutwerk.emit.pieces import PieceWriter
from lutwerk.emit.records import Records
from lutwerk.layouts import ALIGN
from lutwerk.model_file import (
    FORMAT_VERSION,
    HEADER,
    MAGIC,
    SECTION,
    SECTIONS,
    read_model_file,
    round_up,
)
from lutwerk.progress import Progress
from lutwerk.reference import ReferenceSession


@dataclass(frozen=True)
class Golden:
    """Token ids and the SHA-256 of the float32 logits that they give from an empty context."""

    tokens: list[int]
    logits_sha256: str


def golden_tokens(count: int, vocab: int) -> list[int]:
    """Fixed pseudo-random token ids: a multiplicative hash (Knuth, TAOCP vol. 3, 6.4) modulo the vocabulary."""
    return [(i * 2654435761 + 12345) % (1 << 32) % vocab for i in range(count)]


def model_bytes(records: Records, golden: int) -> int:
    """Size of the whole file, known before anything is quantised."""
    return sum(_extents(records, golden)["DATA"])


def _extents(records: Records, golden: int) -> dict[str, tuple[int, int]]:
    """Offset and bytes of each section."""
    sizes = {name: len(content) for name, content in records.sections.items()}
    sizes |= {"GOLD": 4 + 4 * golden + 32, "DATA": records.data_bytes}
    extents = {}
    end = HEADER.itemsize + SECTION.itemsize * len(SECTIONS)
    for name in SECTIONS:
        extents[name] = (round_up(end, ALIGN), sizes[name])
        end = sum(extents[name])
    return extents


def write_model(
    path: Path, records: Records, vocab: int, golden: int, progress: Progress
) -> Golden:
    """Write the file and return its golden outputs, computed by the reference from the bytes just written."""
    extents = _extents(records, golden)
    tokens = golden_tokens(golden, vocab)
    sections = dict(records.sections)
    sections["GOLD"] = np.array([golden, *tokens], "<u4").tobytes() + bytes(32)
    crcs = {name: zlib.crc32(content) for name, content in sections.items()}
    with path.open("w+b") as file:
        out = PieceWriter(file)
        for name in SECTIONS[:-1]:
            out.pad_to(extents[name][0])
            out.write(sections[name])
        out.pad_to(extents["DATA"][0])
        crcs["DATA"] = _write_data(out, records, progress)
        out.flush()
        _write_header(file, extents, crcs)
        file.flush()

        session = ReferenceSession(read_model_file(path))
        progress.start("golden outputs by the reference", session.product_bytes)
        logits = session.eval(tokens, progress.advance)
        progress.finish()
        digest = hashlib.sha256(logits.astype("<f4").tobytes())
        sections["GOLD"] = sections["GOLD"][:-32] + digest.digest()
        crcs["GOLD"] = zlib.crc32(sections["GOLD"])
        file.seek(extents["GOLD"][0])
        file.write(sections["GOLD"])
        _write_header(file, extents, crcs)
    return Golden(tokens, digest.hexdigest())


def _write_data(out: PieceWriter, records: Records, progress: Progress) -> int:
    """Write all weights and return the CRC-32 of the section."""
    crc = 0
    start = out.position

    def put(content: memoryview | bytes) -> None:
        nonlocal crc
        out.write(content)
        crc = zlib.crc32(content, crc)

    def pad_to(offset: int) -> None:
        put(bytes(start + offset - out.position))

    progress.start("quantise and pack", records.data_bytes)
    for weight, row in zip(records.weights, records.tensors, strict=True):
        codes, scales = weight_bytes(weight)
        pad_to(int(row["codes"]))
        for piece in codes:
            put(piece.data)
            progress.advance(piece.size)
        if scales.size:
            pad_to(int(row["scales"]))
            put(scales.data)
            progress.advance(scales.size)
    progress.finish()
    return crc


def _write_header(
    file: BinaryIO, extents: dict[str, tuple[int, int]], crcs: dict[str, int]
) -> None:
    table = np.zeros(len(SECTIONS), SECTION)
    for row, name in zip(table, SECTIONS, strict=True):
        row["tag"], row["crc"] = name.encode(), crcs[name]
        row["offset"], row["bytes"] = extents[name]
    header = np.zeros(1, HEADER)
    header["magic"], header["version"] = MAGIC, FORMAT_VERSION
    header["sections"], header["bytes"] = len(SECTIONS), sum(extents["DATA"])
    header["table_crc"] = zlib.crc32(table.tobytes())
    header["header_crc"] = zlib.crc32(header.tobytes()[:28])
    file.seek(0)
    file.write(header.tobytes() + table.tobytes())
