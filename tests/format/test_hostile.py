"""Damaged and malicious model files: each is refused with its named error and a non-zero exit, and nothing crashes."""

import subprocess
import sys

import numpy as np
import pytest

import checkpoints
from hostile import Parts, seal
from lutwerk.defs import FORMATS, LAYOUTS, STATUSES
from lutwerk.errors import BundleError
from lutwerk.layouts import zero_bytes
from lutwerk.native import Model
from lutwerk.pipeline import CompileOptions, compile_bundle


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    root = tmp_path_factory.mktemp("good")
    compile_bundle(
        CompileOptions(
            str(checkpoints.bitnet(root / "checkpoint")),
            root / "bundle",
            chunk=8,
            layouts=(("*", "base3"),),
            rules=(("*.0.mlp.down_proj*", "u4g32"),),
        )
    )
    return (root / "bundle" / "model.lw").read_bytes()


def edit(change):
    """A mutation that changes records and keeps every checksum right."""

    def mutate(data: bytes) -> bytes:
        parts = Parts(data)
        change(parts)
        return parts.build()

    return mutate


def put(array: str, index, field: str, value, sub: str | None = None):
    """A mutation that sets one field of one record."""

    def change(parts: Parts) -> None:
        where = parts.kind(index) if isinstance(index, str) else index
        row = getattr(parts, array)[where]
        if sub:
            row[field][sub] = value
        else:
            row[field] = value

    return edit(change)


def header(field: str, value: int):
    def change(parts: Parts) -> None:
        parts.header[field] = value

    return edit(change)


def flip(position: int):
    def mutate(data: bytes) -> bytes:
        at = position % len(data)
        return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]

    return mutate


def swap_sections(parts: Parts) -> None:
    parts.order[1:3] = parts.order[2:0:-1]


def swap_tensors(parts: Parts) -> None:
    parts.tensors[[0, 1]] = parts.tensors[[1, 0]]


def golden_token(parts: Parts) -> None:
    parts.other["GOLD"][4:8] = (10**6).to_bytes(4, "little")


def trailing_trit(parts: Parts) -> None:
    base3 = next(t for t in parts.tensors if t["layout"] == 4)
    parts.other["DATA"][int(base3["codes"])] = 243


def zero_points(change):
    """A mutation of bytes around the zero points of a tensor: ``change(data, begin, end, gap)``."""

    def mutate(parts: Parts) -> None:
        tensor = next(t for t in parts.tensors if t["format"] == FORMATS["u4g32"].id)
        layout = next(x for x in LAYOUTS.values() if x.id == tensor["layout"])
        rows, cols = int(tensor["rows"]), int(tensor["cols"])
        count = zero_bytes(FORMATS["u4g32"], layout, rows, cols)
        end = int(tensor["scales"]) + int(tensor["scales_bytes"])
        gap = int(tensor["scales_bytes"]) - 3 * count
        assert gap > 0, "the scales must not end at a multiple of 64"
        change(parts.other["DATA"], end - count, end, gap)

    return edit(mutate)


def text_field(offset: int, value: int):
    """A mutation of one number in the header of section TEXT."""

    def change(parts: Parts) -> None:
        parts.other["TEXT"][offset : offset + 4] = value.to_bytes(4, "little")

    return edit(change)


def chat_without_text(parts: Parts) -> None:
    """No gap has any text: a literal, no marks, its two lists of offsets."""
    parts.other["TEXT"].clear()
    none = (2**32 - 1).to_bytes(4, "little")
    parts.other["CHAT"][:] = bytes(4) + 3 * none + bytes(4) + b"\1" + bytes(523 + 16)


BIG = 2**63
HOSTILE = {
    "empty": ("ERR_TRUNCATED", lambda d: b""),
    "only the magic": ("ERR_TRUNCATED", lambda d: d[:8]),
    "half": ("ERR_TRUNCATED", lambda d: d[: len(d) // 2]),
    "one byte short": ("ERR_TRUNCATED", lambda d: d[:-1]),
    "one byte long": ("ERR_OVERSIZED", lambda d: d + b"\0"),
    "twice": ("ERR_OVERSIZED", lambda d: d + d),
    "another kind of file": ("ERR_MAGIC", lambda d: b"GGUF" + d[4:]),
    "next version": ("ERR_VERSION", header("version", 2)),
    "version 0": ("ERR_VERSION", header("version", 0)),
    "flip in header": ("ERR_CHECKSUM", flip(18)),
    "flip in section table": ("ERR_CHECKSUM", flip(70)),
    "flip in conf": ("ERR_CHECKSUM", flip(330)),
    "flip in weights": ("ERR_CHECKSUM", flip(-5)),
    "ten sections": ("ERR_SECTION", header("sections", 10)),
    "sections re-ordered": ("ERR_SECTION", edit(swap_sections)),
    "golden token outside the vocabulary": ("ERR_TOKEN", edit(golden_token)),
    "unknown format": ("ERR_FORMAT", put("tensors", 1, "format", 99)),
    "unknown layout": ("ERR_LAYOUT", put("tensors", 1, "layout", 0)),
    "float format in tiles": ("ERR_LAYOUT", put("tensors", 1, "layout", 2)),
    "changed layout": ("ERR_FINGERPRINT", put("tensors", 1, "fingerprint", 1)),
    "tensors re-ordered": ("ERR_TENSOR", edit(swap_tensors)),
    "no rows": ("ERR_TENSOR", put("tensors", 1, "rows", 0)),
    "rows of another matrix": ("ERR_TENSOR", put("tensors", 1, "rows", 10**6)),
    "columns that overflow": ("ERR_TENSOR", put("tensors", 1, "cols", 2**32 - 1)),
    "codes outside the file": ("ERR_TENSOR", put("tensors", 1, "codes", BIG)),
    "name outside the strings": ("ERR_TENSOR", put("tensors", 1, "name_bytes", 2**31)),
    "byte above 242 in base3": ("ERR_TENSOR", edit(trailing_trit)),
    "first zero point above the codes": (
        "ERR_TENSOR",
        zero_points(lambda data, begin, end, gap: data.__setitem__(begin, 16)),
    ),
    "last zero point above the codes": (
        "ERR_TENSOR",
        zero_points(lambda data, begin, end, gap: data.__setitem__(end - 1, 255)),
    ),
    "bytes between scales and zero points": (
        "ERR_TENSOR",
        zero_points(lambda data, begin, end, gap: data.__setitem__(begin - gap, 1)),
    ),
    "unknown operation": ("ERR_OP", put("ops", 3, "op", 77)),
    "tensor that does not exist": ("ERR_OP", put("ops", "matmul", "tensor", 10**6)),
    "wrong tensor": ("ERR_OP", put("ops", "matmul", "tensor", 0)),
    "operand outside the arena": ("ERR_OP", put("ops", "rmsnorm", "dst", BIG, "offset")),
    "operand that wraps": ("ERR_OP", put("ops", "add", "src0", 2**64 - 64, "offset")),
    "misaligned operand": ("ERR_OP", put("ops", "quantize", "dst", 4, "offset")),
    "width beyond stride": ("ERR_OP", put("ops", "rmsnorm", "src0", 10**6, "width")),
    "layer that does not exist": ("ERR_OP", put("ops", "attention", "layer", 2)),
    "share of an operation that is no product": ("ERR_OP", put("ops", "rmsnorm", "share", 1)),
    "share above all rows": ("ERR_OP", put("ops", "matmul", "share", 2**24 + 1)),
    "infinite eps": ("ERR_OP", put("ops", "rmsnorm", "param", np.inf)),
    "no tokens in a chunk": ("ERR_CONFIG", put("conf", 0, "chunk", 0)),
    "huge chunk": ("ERR_CONFIG", put("conf", 0, "chunk", 2**31)),
    "heads not a multiple of kv_heads": ("ERR_CONFIG", put("conf", 0, "kv_heads", 4)),
    "odd head": ("ERR_CONFIG", put("conf", 0, "head_dim", 13)),
    "arena of no size": ("ERR_OP", put("conf", 0, "arena_bytes", 0)),
    "arena of absurd size": ("ERR_CONFIG", put("conf", 0, "arena_bytes", 2**62)),
    "tokeniser without tokens": ("ERR_TEXT", text_field(0, 0)),
    "tokeniser of another size": ("ERR_TEXT", text_field(60, 1)),
    "tokeniser whose bos is outside the vocabulary": ("ERR_TEXT", text_field(16, 10**6)),
    "tokeniser cut short": ("ERR_TEXT", edit(lambda parts: parts.other["TEXT"].__delitem__(-1))),
    "chat template cut short": (
        "ERR_CHAT",
        edit(lambda parts: parts.other["CHAT"].extend(bytes(540))),
    ),
    "chat template without a tokeniser": ("ERR_CHAT", edit(chat_without_text)),
    "unknown instruction set": ("ERR_CONFIG", put("conf", 0, "isa", 9)),
    "unknown type of cache": ("ERR_CONFIG", put("conf", 0, "kv_type", 2)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_with_its_name(tmp_path, good, name):
    status, mutate = HOSTILE[name]
    path = tmp_path / "model.lw"
    path.write_bytes(mutate(good))
    with pytest.raises(BundleError) as caught:
        Model(path, check_weights=True)
    assert caught.value.status == status
    assert str(path) in str(caught.value)


def test_every_status_of_a_file_has_a_hostile_file():
    of_files = {s.name for s in STATUSES.values() if 2 <= s.code <= 13} | {
        "ERR_TOKEN",
        "ERR_TEXT",
        "ERR_CHAT",
    }
    assert of_files == {status for status, _ in HOSTILE.values()}


def test_parts_rebuild_the_same_file(good):
    assert Parts(good).build() == good
    assert seal(good) == good


def test_every_bit_of_the_structure_is_covered(tmp_path, good):
    """Flip a bit in every 17th byte outside the weights: all are noticed without reading the weights."""
    data_offset = good.index(b"DATA")
    start = int.from_bytes(good[data_offset + 8 : data_offset + 16], "little")
    path = tmp_path / "model.lw"
    rng = np.random.default_rng(0)
    for at in range(0, start, 17):
        damaged = bytearray(good)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(BundleError):
            Model(path)


@pytest.mark.parametrize("command", ["run", "verify", "inspect"])
def test_commands_exit_with_the_named_error(tmp_path, good, command):
    for name, text in (("half", "ERR_TRUNCATED"), ("next version", "ERR_VERSION")):
        (tmp_path / "model.lw").write_bytes(HOSTILE[name][1](good))
        (tmp_path / "manifest.json").write_text("{}")
        arguments = ["-p", "x"] if command == "run" else []
        done = subprocess.run(
            [sys.executable, "-m", "lutwerk", command, str(tmp_path), *arguments],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert "lutwerk: error:" in done.stderr
        assert text in done.stderr or "manifest.json" in done.stderr
        assert "Traceback" not in done.stderr
