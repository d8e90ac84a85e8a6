"""Every way in which a checkpoint directory is refused, and what the message says."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import checkpoints
from lutwerk.errors import CheckpointError
from lutwerk.frontends import read_checkpoint


def message(folder, max_context=None):
    """The message of the refusal: one sentence that begins with a path and ends with a next step."""
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(str(folder), max_context=max_context, seed=0)
    text = str(caught.value)
    assert text.startswith(str(folder))
    assert text.endswith(".")
    assert "\n" not in text
    return text


def edit(folder, file="config.json", **fields):
    path = folder / file
    values = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({k: v for k, v in values.items() if v != "absent"}))
    return folder


NUMBER = "finite number above 0"
#: Field, bad value, what the message says is accepted.
BAD_FIELDS = [
    ("hidden_size", "absent", "is missing"),
    ("hidden_size", None, "is missing"),
    ("hidden_size", "76", "integer from 1 to 1048576"),
    ("hidden_size", 76.0, "integer from 1 to 1048576"),
    ("hidden_size", True, "integer from 1 to 1048576"),
    ("hidden_size", 0, "integer from 1 to 1048576"),
    ("intermediate_size", 1 << 23, "integer from 1 to 4194304"),
    ("num_hidden_layers", -1, "integer from 1 to 4096"),
    ("vocab_size", [263], "integer from 1 to 16777216"),
    ("max_position_embeddings", "absent", "is missing"),
    ("num_attention_heads", 0, "integer from 1 to 4096"),
    ("num_key_value_heads", 7, "integer from 1 to 6"),
    ("num_key_value_heads", 4, "divisor of 'num_attention_heads', 6"),
    ("head_dim", 13, "must be even"),
    ("head_dim", "absent", "multiple of 'num_attention_heads', 6"),
    ("rms_norm_eps", 0, NUMBER),
    ("rms_norm_eps", "1e-5", NUMBER),
    ("rope_theta", float("inf"), NUMBER),
    ("tie_word_embeddings", "yes", "true or false"),
    ("hidden_act", "gelu", "one of relu2, silu"),
    ("bos_token_id", 263, "token id from 0 to 262"),
    ("eos_token_id", [0, -1], "token id from 0 to 262"),
    ("rope_scaling", "linear", "an object"),
    ("rope_scaling", {"rope_type": "llama3", "factor": 8.0}, "rope_type 'llama3' is not supported"),
    ("rope_scaling", {"type": "linear", "factor": 2.0}, "type 'linear' is not supported yet"),
    ("rope_parameters", {"rope_type": "yarn"}, "rope_type 'yarn' is not supported yet"),
    ("rope_parameters", {"rope_theta": -1}, NUMBER),
    ("partial_rotary_factor", 0.5, "must be 1"),
    ("attention_bias", True, "biases are not supported yet"),
    ("mlp_bias", True, "biases are not supported yet"),
    ("model_type", "gpt2", "'gpt2' is not supported; supported: bitnet, llama"),
    ("model_type", ["llama"], "is not supported; supported: bitnet, llama"),
    ("model_type", "absent", "supported: bitnet, llama"),
    ("quantization_config", {"quant_method": "gptq"}, "quant_method 'gptq' is not supported yet"),
    ("quantization_config", [], "an object"),
]


@pytest.mark.parametrize(("field", "value", "accepted"), BAD_FIELDS)
def test_a_bad_field_of_a_llama_is_named(tmp_path, field, value, accepted):
    text = message(edit(checkpoints.llama(tmp_path), **{field: value}))
    assert "config.json" in text
    assert accepted in text
    assert field in text or "quant_method" in text


BITNET = {"quant_method": "bitnet", "linear_class": "autobitlinear"}
BAD_QUANTIZATION = [
    ({"linear_class": "linear"}, "one of bitlinear, autobitlinear"),
    ({"quantization_mode": "later"}, "one of offline, online"),
    ({"linear_class": "bitlinear", "quantization_mode": "online"}, "must be offline"),
    ({"use_rms_norm": True}, "norms inside linear layers"),
    ({"modules_to_not_convert": ["lm_head", "q_proj"]}, 'must be null or ["lm_head"]'),
]


@pytest.mark.parametrize(("fields", "accepted"), BAD_QUANTIZATION)
def test_a_bad_quantization_config_is_named(tmp_path, fields, accepted):
    text = message(checkpoints.bitnet(tmp_path, quantization_config=BITNET | fields))
    assert "config.json: field 'quantization_config'" in text
    assert accepted in text


def test_a_bitnet_must_say_how_its_weights_are_stored(tmp_path):
    text = message(edit(checkpoints.bitnet(tmp_path), quantization_config="absent"))
    assert "'quantization_config' is missing" in text
    assert '"quantization_mode": "online"' in text


def test_a_bitnet_with_biases_is_refused(tmp_path):
    assert "'attention_bias' is true" in message(
        edit(checkpoints.bitnet(tmp_path), attention_bias=True)
    )


@pytest.mark.parametrize("asked", [0, 97])
def test_a_context_out_of_range_is_refused(tmp_path, asked):
    assert f"a context of {asked} tokens" in message(checkpoints.llama(tmp_path), asked)


def test_what_is_not_a_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("absent", "file"):
        text = message(tmp_path / name)
        assert "not a directory" in text
        assert "synthetic:NAME" in text


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no such file"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[1]", "holds a JSON list, but must hold an object"),
    ],
)
def test_files_that_are_no_json_objects_are_refused(tmp_path, file, content, expected):
    folder = checkpoints.llama(tmp_path)
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    text = message(folder)
    assert text.startswith(f"{folder / file}: ")
    assert expected in text


def test_a_tokenizer_that_cannot_be_loaded_is_refused(tmp_path):
    folder = checkpoints.llama(tmp_path)
    (folder / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "Unknown"}}')
    assert "the tokenizers library cannot load it" in message(folder)


def test_a_tokenizer_larger_than_the_model_is_refused(tmp_path):
    text = message(edit(checkpoints.llama(tmp_path), vocab_size=257, eos_token_id=0))
    assert "token ids go up to 257, but 'vocab_size' in config.json is 257" in text


def test_bad_tokenizer_settings_are_named(tmp_path):
    folder = checkpoints.llama(tmp_path)
    assert "'add_bos_token'" in message(edit(folder, "tokenizer_config.json", add_bos_token=1))
    edit(folder, "tokenizer_config.json", add_bos_token=True, chat_template=3)
    assert "'chat_template' is 3" in message(folder)


def test_a_directory_without_weights_is_refused(tmp_path):
    folder = checkpoints.llama(tmp_path)
    (folder / "model.safetensors").unlink()
    assert "holds no *.safetensors file" in message(folder)


def test_an_index_without_a_map_is_refused(tmp_path):
    folder = checkpoints.llama(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"metadata": {}}')
    assert "'weight_map'" in message(folder)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model.layers.0.self_attn.q_proj.bias", (84,)),
        ("model.layers.1.self_attn.q_norm.weight", (14,)),
        ("model.layers.2.mlp.up_proj.weight", (132, 76)),
    ],
)
def test_weights_that_would_be_dropped_are_refused(tmp_path, name, shape):
    folder = checkpoints.llama(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors | {name: np.ones(shape, np.float32)}, folder / "model.safetensors")
    assert f"would not read the tensors {name};" in message(folder)


def test_many_dropped_weights_are_counted(tmp_path):
    folder = edit(checkpoints.llama(tmp_path, num_hidden_layers=3), num_hidden_layers=2)
    assert "layers.2.mlp.gate_proj.weight" in message(folder)
    assert "and 6 more;" in message(folder)


def test_a_missing_head_is_refused(tmp_path):
    folder = edit(checkpoints.llama(tmp_path, tied=True), tie_word_embeddings=False)
    assert "tensor 'lm_head.weight' is missing" in message(folder)
