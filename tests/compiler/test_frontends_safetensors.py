"""Tensors of one or many files, each dtype, and damaged files."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

from lutwerk.errors import CheckpointError
from lutwerk.frontends.safetensors_reader import FLOAT_DTYPES, SafetensorsReader

SHAPE = (3, 5)
NUMBERS = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)


def write_raw(path, tensors):
    """Write ``{name: (dtype, shape, bytes)}`` by the format's definition."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": offsets}
        data += content
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read(folder, name="t", shape=SHAPE):
    reader = SafetensorsReader(folder)
    return reader.read_float(reader.claim(name, shape, tuple(FLOAT_DTYPES)))


def test_bfloat16_is_widened_exactly(tmp_path):
    """The upper half of a float32 is the bfloat16 of the same value; an odd offset is allowed."""
    halves = NUMBERS.view(np.uint32) >> 16
    tensors = {"a": ("U8", (1,), b"\x07"), "t": ("BF16", SHAPE, halves.astype("<u2").tobytes())}
    write_raw(tmp_path / "model.safetensors", tensors)
    expected = [struct.unpack("<f", struct.pack("<I", int(h) << 16))[0] for h in halves.flat]
    assert read(tmp_path).ravel().tolist() == expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_other_floats_are_read_as_they_are(tmp_path, dtype):
    save_file({"t": NUMBERS.astype(dtype)}, tmp_path / "model.safetensors")
    numbers = read(tmp_path)
    assert numbers.dtype == np.float32
    assert np.array_equal(numbers, NUMBERS.astype(dtype))


def test_all_files_of_a_directory_are_read(tmp_path):
    save_file({"t": NUMBERS}, tmp_path / "b.safetensors")
    save_file({"u": NUMBERS + 1}, tmp_path / "a.safetensors")
    reader = SafetensorsReader(tmp_path)
    assert reader.unclaimed() == ["t", "u"]
    assert np.array_equal(reader.read_float(reader.claim("u", SHAPE, ("F32",))), NUMBERS + 1)
    assert reader.unclaimed() == ["t"]


def test_an_index_names_the_files_and_others_are_ignored(tmp_path):
    for i, name in enumerate("tu"):
        save_file({name: NUMBERS + i}, tmp_path / f"model-0000{i}.safetensors")
    save_file({"t": NUMBERS}, tmp_path / "consolidated.safetensors")
    shards = {"t": "model-00000.safetensors", "u": "model-00001.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    assert np.array_equal(read(tmp_path, "u"), NUMBERS + 1)


@pytest.mark.parametrize("name", ["absent.safetensors", "../model.safetensors", "/m.safetensors"])
def test_an_index_names_only_files_of_its_directory(tmp_path, name):
    save_file({"t": NUMBERS}, tmp_path / "model.safetensors")
    folder = tmp_path / "inner"
    folder.mkdir()
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"t": name}}))
    with pytest.raises(CheckpointError, match=rf"index.json: names the file '{name}'"):
        read(folder)


def test_a_tensor_in_two_files_is_refused(tmp_path):
    for name in ("a", "b"):
        save_file({"t": NUMBERS}, tmp_path / f"{name}.safetensors")
    with pytest.raises(CheckpointError, match=r"b.safetensors: tensor 't' is also in a.safetens"):
        read(tmp_path)


def test_a_missing_tensor_is_named_with_its_neighbours(tmp_path):
    save_file({"layer.0.q": NUMBERS, "z": NUMBERS}, tmp_path / "model.safetensors")
    with pytest.raises(
        CheckpointError, match=r"'layer.1.q' is missing \(the nearest .* layer.0.q\)"
    ):
        read(tmp_path, "layer.1.q")
    with pytest.raises(CheckpointError, match=r"'lm_head' is missing \(no name is near\)"):
        read(tmp_path, "lm_head")


def test_wrong_shape_and_dtype_show_both_sides(tmp_path):
    save_file({"t": NUMBERS, "i": NUMBERS.astype(np.int32)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"'t' has shape \[3, 5\], .* asks for \[5, 3\]"):
        read(tmp_path, shape=(5, 3))
    with pytest.raises(CheckpointError, match=r"'i' has dtype I32, .* BF16 or F16 or F32"):
        read(tmp_path, "i")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_with_their_place(tmp_path, value):
    numbers = NUMBERS.copy()
    numbers[2, 1] = value
    save_file({"t": numbers}, tmp_path / "model.safetensors")
    with pytest.raises(
        CheckpointError, match=rf"model.safetensors: tensor 't' .*{value} at \[2, 1\]"
    ):
        read(tmp_path)


@pytest.mark.parametrize("damage", ["empty", "short", "long", "header", "size"])
def test_damaged_files_are_named(tmp_path, damage):
    path = tmp_path / "model.safetensors"
    save_file({"t": NUMBERS}, path)
    content = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "short": content[:-1],
            "long": content + b"\0",
            "header": content.replace(b'"F32"', b'"X32"'),
            "size": b"\xff" * 8 + content[8:],
        }[damage]
    )
    with pytest.raises(CheckpointError, match=r"model.safetensors: not a valid safetensors file"):
        read(tmp_path)


def test_a_file_that_shrinks_after_opening_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"t": NUMBERS}, path)
    reader = SafetensorsReader(tmp_path)
    info = reader.claim("t", SHAPE, ("F32",))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match=r"tensor 't' cannot be read .*changed"):
        reader.read_float(info)
