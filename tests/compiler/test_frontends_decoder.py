"""The graph of a decoder, its operations, and the logits that it defines."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import checkpoints
from lutwerk.frontends import read_checkpoint
from lutwerk.graph import LOGITS, Ternary, View

LAYER = """
rmsnorm   layer1.attn_norm <- layer0.ffn_residual
matmul    layer1.q <- layer1.attn_norm
matmul    layer1.k <- layer1.attn_norm
matmul    layer1.v <- layer1.attn_norm
rope      layer1.q <-
rope      layer1.k <-
kv_store  - <- layer1.k layer1.v
attention layer1.attn <- layer1.q
{attn_sub_norm}
matmul    layer1.o <- {attn}
add       layer1.attn_residual <- layer0.ffn_residual layer1.o
rmsnorm   layer1.ffn_norm <- layer1.attn_residual
matmul    layer1.gate <- layer1.ffn_norm
matmul    layer1.up <- layer1.ffn_norm
{activation} layer1.ffn <- layer1.gate layer1.up
{ffn_sub_norm}
matmul    layer1.down <- {ffn}
add       layer1.ffn_residual <- layer1.attn_residual layer1.down
"""


def graph_of(folder, max_context=None):
    return read_checkpoint(str(folder), max_context=max_context, seed=0).graph


def listed(graph, begin, end):
    lines = [
        f"{op.kind} {op.dst.value if op.dst else '-'} <- {' '.join(s.value for s in op.srcs)}"
        for op in graph.ops[begin:end]
    ]
    return [line.split() for line in lines]


@pytest.mark.parametrize("kind", ["llama", "bitnet"])
def test_a_layer_has_the_operations_of_its_architecture(tmp_path, kind):
    graph = graph_of(getattr(checkpoints, kind)(tmp_path))
    sub = kind == "bitnet"
    expected = LAYER.format(
        activation="relu2_mul" if sub else "silu_mul",
        attn="layer1.attn_sub_norm" if sub else "layer1.attn",
        ffn="layer1.ffn_sub_norm" if sub else "layer1.ffn",
        attn_sub_norm="rmsnorm layer1.attn_sub_norm <- layer1.attn" if sub else "",
        ffn_sub_norm="rmsnorm layer1.ffn_sub_norm <- layer1.ffn" if sub else "",
    )
    wanted = [line.split() for line in expected.splitlines() if line]
    assert listed(graph, graph.head_begin - len(wanted), graph.head_begin) == wanted
    assert listed(graph, 0, 1) == [["embed", "embedding", "<-"]]
    head = [["rmsnorm", "final_norm", "<-", "layer1.ffn_residual"]]
    assert listed(graph, graph.head_begin, None) == [*head, ["matmul", LOGITS, "<-", "final_norm"]]
    assert graph.ops[-1].dst == View(LOGITS, 0, 263)


def test_parameters_are_float32_and_layers_are_numbered(tmp_path):
    graph = graph_of(checkpoints.llama(tmp_path))
    attention = [op for op in graph.ops if op.kind == "attention"]
    assert [op.layer for op in attention] == [0, 1]
    assert {op.param for op in attention} == {float(np.float32(1 / np.sqrt(14)))}
    assert [op.layer for op in graph.ops if op.kind == "kv_store"] == [0, 1]
    assert {op.param for op in graph.ops if op.kind == "rmsnorm"} == {float(np.float32(1e-5))}


@pytest.mark.parametrize("tied", [True, False])
def test_the_head_is_the_embedding_only_when_tied(tmp_path, tied):
    graph = graph_of(checkpoints.llama(tmp_path, tied=tied))
    roles = {n: w.role for n, w in graph.weights.items() if w.role in ("head", "embedding")}
    embedding = "model.embed_tokens.weight"
    if tied:
        assert roles == {embedding: "head"}
    else:
        assert roles == {embedding: "embedding", "lm_head.weight": "head"}
    assert graph.ops[0].weight == embedding
    assert roles[graph.ops[-1].weight] == "head"


def test_the_rotary_table_holds_cosines_then_sines(tmp_path):
    changes = {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}
    weight = graph_of(checkpoints.llama(tmp_path, **changes)).weights["rope"]
    table = weight.sources[0].load()
    assert (table.dtype, table.shape, weight.role) == (np.float32, (96, 14), "rope")
    for position in (0, 1, 95):
        for pair in range(7):
            angle = position / 5e5 ** (2 * pair / 14)
            assert table[position, pair] == np.float32(np.cos(angle))
            assert table[position, 7 + pair] == np.float32(np.sin(angle))


@pytest.mark.parametrize(
    ("trained", "asked", "context"),
    [(96, None, 96), (131072, None, 4096), (131072, 8192, 8192), (96, 1, 1)],
)
def test_the_context_is_what_was_asked_for_or_at_most_4096(tmp_path, trained, asked, context):
    graph = graph_of(checkpoints.llama(tmp_path, max_position_embeddings=trained), asked)
    assert graph.config.max_context == context
    assert graph.weights["rope"].rows == context


def test_optional_fields_have_the_defaults_of_transformers(tmp_path):
    """An old Llama config.json has neither head_dim, num_key_value_heads, rope_theta nor rms_eps."""
    config = checkpoints.BASE | {"model_type": "llama", "hidden_size": 84, "head_dim": 14}
    config |= {"num_key_value_heads": 6, "tie_word_embeddings": False}
    tensors = checkpoints.random_tensors(config, np.random.default_rng(0), sub_norms=False)
    for name in ("head_dim", "num_key_value_heads", "rope_theta", "rms_norm_eps"):
        del config[name]
    read = graph_of(checkpoints.write(tmp_path, config | {"rope_scaling": None}, tensors)).config
    assert (read.head_dim, read.kv_heads, read.rope_theta, read.rms_eps) == (14, 6, 10000.0, 1e-6)
    assert not read.tied_embeddings


def test_known_harmless_tensors_are_ignored(tmp_path):
    folder = checkpoints.llama(tmp_path, tied=True)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = np.ones(7, np.float32)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    save_file(tensors, folder / "model.safetensors")
    assert "lm_head.weight" not in graph_of(folder).weights


def evaluate(graph, ids):
    """Logits ``[tokens, vocab]`` in plain NumPy; ternary products see int8 activations, as in training."""
    weights = {name: w.sources[0].load() for name, w in graph.weights.items()}
    heads, kv_heads, half = graph.config.heads, graph.config.kv_heads, graph.config.head_dim // 2
    values, cache = {}, {}
    n = len(ids)

    def by_head(x, count):
        return x.reshape(n, count, 2 * half).swapaxes(0, 1)

    for op in graph.ops:
        weight = weights.get(op.weight)
        x, *rest = [values[view.value] for view in op.srcs] or [None]
        if op.kind == "embed":
            result = weight[ids]
        elif op.kind == "rmsnorm":
            result = x / np.sqrt((x**2).mean(1, keepdims=True) + op.param) * weight
        elif op.kind == "matmul" and isinstance(weight, Ternary):
            steps = 127 / np.maximum(np.abs(x).max(1, keepdims=True), 1e-5)
            result = np.rint(x * steps) / steps @ (weight.values.T * weight.scale)
        elif op.kind == "matmul":
            result = x @ weight.T
        elif op.kind == "rope":
            a, b = np.split(values[op.dst.value].reshape(n, -1, 2 * half), 2, axis=2)
            cos, sin = np.split(weight[:n, np.newaxis], 2, axis=2)
            rotated = np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=2)
            result = rotated.reshape(n, -1)
        elif op.kind == "kv_store":
            cache[op.layer] = (x, rest[0])
            continue
        elif op.kind == "attention":
            k, v = (np.repeat(by_head(c, kv_heads), heads // kv_heads, 0) for c in cache[op.layer])
            scores = by_head(x, heads) @ k.swapaxes(1, 2) * op.param
            scores[:, np.triu(np.ones((n, n), bool), 1)] = -np.inf
            shares = np.exp(scores - scores.max(2, keepdims=True))
            shares /= shares.sum(2, keepdims=True)
            result = (shares @ v).swapaxes(0, 1).reshape(n, -1)
        elif op.kind == "add":
            result = x + rest[0]
        elif op.kind == "relu2_mul":
            result = np.maximum(x, 0) ** 2 * rest[0]
        else:
            assert op.kind == "silu_mul"
            result = x / (1 + np.exp(-x)) * rest[0]
        values[op.dst.value] = result
    return values[LOGITS]


#: Logits reach 20. Int8 activations that fall on the other side of a half, for a difference in the last bit of a
#: float, move the logits of the small ternary model by up to 0.15.
GOLDEN = [
    ("stories260K", "stories260K", 1e-4),
    ("tinystories-bitnet/offline", "tinystories-bitnet-offline", 0.4),
    ("tinystories-bitnet/online", "tinystories-bitnet-online", 0.4),
]


@pytest.mark.parametrize(("folder", "golden", "tolerance"), GOLDEN, ids=[g[1] for g in GOLDEN])
def test_the_graph_defines_the_logits_of_transformers(shared_data, folder, golden, tolerance):
    graph = graph_of(shared_data / folder)
    expected = np.load(shared_data / "golden" / f"{golden}.npz")
    for i in range(4):
        logits = evaluate(graph, expected[f"ids{i}"])
        assert np.abs(logits - expected[f"logits{i}"]).max() < tolerance


def test_real_configs_are_read_as_written(shared_data):
    folder = shared_data / "tinystories-bitnet/offline"
    config = json.loads((folder / "config.json").read_text())
    read = graph_of(folder).config
    assert (read.hidden, read.layers) == (config["hidden_size"], config["num_hidden_layers"])
    assert read.rope_theta == config["rope_parameters"]["rope_theta"]
    assert (read.bos, read.eos) == (config["bos_token_id"], (config["eos_token_id"],))
