"""Packed and master weights of BitNet checkpoints."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import checkpoints
from lutwerk.errors import CheckpointError
from lutwerk.frontends import read_checkpoint
from lutwerk.frontends.bitlinear import unpack_ternary

Q_PROJ = "model.layers.1.self_attn.q_proj.weight"


def quantization(linear_class, mode="offline"):
    return {"quant_method": "bitnet", "linear_class": linear_class, "quantization_mode": mode}


def source(folder, name=Q_PROJ):
    graph = read_checkpoint(str(folder), max_context=None, seed=0).graph
    return graph.weights[name].sources[0]


def edit_tensors(folder, **changes):
    """Replace tensors of the last layer's q_proj: weight, weight_scale."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    for suffix, tensor in changes.items():
        tensors[Q_PROJ.removesuffix("weight") + suffix] = tensor
    save_file(tensors, path)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_unpacking_inverts_packing(quarter, cols, seed):
    """Pack as the documentation of `transformers` says: row i * R + r is bit pair i of byte row r."""
    values = np.random.default_rng(seed).integers(-1, 2, (4 * quarter, cols)).astype(np.int8)
    packed = np.zeros((quarter, cols), np.uint8)
    for row in range(4 * quarter):
        for col in range(cols):
            code = int(values[row, col]) + 1
            packed[row % quarter, col] |= code << 2 * (row // quarter)
    assert np.array_equal(unpack_ternary(packed, "w"), values)


@pytest.mark.parametrize("row", [0, 6, 10, 19])
def test_the_unused_code_is_refused_with_its_place(row):
    packed = np.full((5, 7), 0b01_00_10_01, np.uint8)
    packed[row % 5, 3] |= 3 << 2 * (row // 5)
    with pytest.raises(CheckpointError, match=rf"^here, row {row}, column 3: .*code is 3"):
        unpack_ternary(packed, "here")


@pytest.mark.parametrize(
    ("linear_class", "expected"), [("autobitlinear", 0.3), ("bitlinear", 1 / 0.3)]
)
def test_the_scale_means_what_the_linear_class_says(tmp_path, linear_class, expected):
    folder = checkpoints.bitnet(tmp_path, quantization_config=quantization(linear_class))
    edit_tensors(folder, weight_scale=np.array([0.3], np.float32))
    assert source(folder).ternary
    assert source(folder).load().scale == pytest.approx(expected, rel=1e-7)


def test_a_packed_llama_has_no_sub_norms(tmp_path):
    config = {"quantization_config": quantization("bitlinear") | {"modules_to_not_convert": None}}
    folder = checkpoints.llama(tmp_path, **config)
    path = folder / "model.safetensors"
    save_file(checkpoints.pack_offline(load_file(path), np.random.default_rng(0)), path)
    read = read_checkpoint(str(folder), max_context=None, seed=0)
    assert read.default_quantizers["linear"] == "ternary"
    assert not [name for name in read.graph.weights if "sub_norm" in name]
    assert set(np.unique(source(folder).load().values)) == {-1, 0, 1}


def test_masters_are_rounded_by_their_mean_magnitude(tmp_path):
    config = checkpoints.BASE | {"tie_word_embeddings": True, "model_type": "bitnet"}
    config["quantization_config"] = quantization("autobitlinear", "online")
    tensors = checkpoints.random_tensors(config, np.random.default_rng(3), sub_norms=True)
    folder = checkpoints.write(tmp_path, config, tensors)
    ternary = source(folder).load()
    gamma = np.abs(tensors[Q_PROJ].astype(np.float64)).mean()
    assert ternary.scale == pytest.approx(gamma, rel=1e-6)
    expected = np.sign(tensors[Q_PROJ]) * (np.abs(tensors[Q_PROJ]) > gamma / 2)
    assert np.array_equal(ternary.values, expected)


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-42])
def test_a_scale_that_cannot_be_inverted_is_refused_on_load(tmp_path, value):
    folder = checkpoints.bitnet(tmp_path, quantization_config=quantization("bitlinear"))
    edit_tensors(folder, weight_scale=np.array([value], np.float32))
    with pytest.raises(CheckpointError, match=rf"{Q_PROJ}_scale.*above 0"):
        source(folder).load()


def test_a_damaged_code_names_the_file_and_the_tensor(tmp_path):
    folder = checkpoints.bitnet(tmp_path)
    edit_tensors(folder, weight=np.full((21, 76), 0xFF, np.uint8))
    with pytest.raises(CheckpointError, match=rf"model.safetensors: tensor '{Q_PROJ}', row 0, col"):
        source(folder).load()


def test_rows_that_cannot_be_packed_are_refused(tmp_path):
    folder = checkpoints.bitnet(tmp_path, num_hidden_layers=1)
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace('"hidden_size": 76', '"hidden_size": 78'))
    tensors = load_file(folder / "model.safetensors")
    narrow = {"model.embed_tokens.weight": np.ones((263, 78), np.float32)}
    narrow["model.layers.0.input_layernorm.weight"] = np.ones(78, np.float32)
    for part in "qkv":
        name = f"model.layers.0.self_attn.{part}_proj.weight"
        narrow[name] = np.zeros((len(tensors[name]), 78), np.uint8)
    save_file(tensors | narrow, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"o_proj.weight' has 78 rows, .*multiple of 4"):
        source(folder)


@pytest.mark.parametrize(("mode", "found"), [("online", "U8"), ("offline", "F32")])
def test_weights_of_the_other_mode_are_refused(tmp_path, mode, found):
    folder = checkpoints.bitnet(tmp_path, quantization_config=quantization("autobitlinear", mode))
    if mode == "offline":
        tensors = load_file(folder / "model.safetensors")
        name = "model.layers.0.self_attn.q_proj.weight"
        save_file(tensors | {name: np.ones((84, 76), np.float32)}, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=rf"dtype {found}, .*'quantization_config'"):
        source(folder)
