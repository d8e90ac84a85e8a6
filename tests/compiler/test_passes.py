"""The passes on a small checkpoint: what they change, and that the verifier notices when they go wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import checkpoints
from lutwerk.dump import dump
from lutwerk.errors import CompileError
from lutwerk.frontends import read_checkpoint
from lutwerk.graph import Source, View, Weight
from lutwerk.liveness import lifetimes, value_bytes
from lutwerk.passes import PassContext, run_passes
from lutwerk.passes.assign_formats import assign_formats
from lutwerk.targets import load_target
from lutwerk.verify import GraphError, verify

GOLDEN = Path(__file__).parent / "golden"


def stages(folder, target="x86-64-v4", rules=(), layouts=(), quantizers=None):
    checkpoint = read_checkpoint(str(folder), max_context=None, seed=0)
    chosen = checkpoint.default_quantizers | (quantizers or {})
    context = PassContext(load_target(target), chosen, rules, layouts, chunk=16)
    seen = {}
    run_passes(checkpoint.graph, context, seen.__setitem__)
    return seen


@pytest.fixture
def bitnet(tmp_path):
    return checkpoints.bitnet(tmp_path / "bitnet")


@pytest.fixture
def llama(tmp_path):
    return checkpoints.llama(tmp_path / "llama")


def test_projections_with_one_input_are_fused(bitnet):
    seen = stages(bitnet)
    weights = seen["fuse_projections"].weights
    qkv = weights["model.layers.0.self_attn.{q_proj,k_proj,v_proj}.weight"]
    assert (qkv.rows, qkv.cols) == (84 + 28 + 28, 76)
    assert "model.layers.1.mlp.{gate_proj,up_proj}.weight" in weights
    assert "model.layers.0.self_attn.o_proj.weight" in weights


def test_different_quantisers_are_not_fused(llama):
    rules = (("*.v_proj.weight", "i8g32"),)
    weights = stages(llama, rules=rules)["fuse_projections"].weights
    assert "model.layers.0.self_attn.{q_proj,k_proj}.weight" in weights
    assert weights["model.layers.0.self_attn.v_proj.weight"].format == "i8g32"


def test_activations_are_quantised_once_per_input(bitnet):
    graph = stages(bitnet)["quantize_activations"]
    kinds = [op.kind for op in graph.ops]
    # per layer: before qkv, o, gate|up and down; once more before the head
    assert kinds.count("quantize") == 4 * graph.config.layers + 1
    assert [op.kind for op in graph.ops[graph.head_begin :]] == ["rmsnorm", "quantize", "matmul"]


def test_float_weights_keep_float_activations(llama):
    quantizers = {"linear": "f16", "head": "f32", "embedding": "f16"}
    kinds = [op.kind for op in stages(llama, quantizers=quantizers)["place"].ops]
    assert "quantize" not in kinds
    assert "matmul" not in kinds
    assert kinds.count("matmul_float") == 4 * 2 + 1


def test_layouts_follow_the_target_and_the_user(bitnet):
    name = "model.layers.0.mlp.down_proj.weight"
    assert stages(bitnet, target="x86-64-v3")["place"].weights[name].layout == "fields"
    assert stages(bitnet, target="generic")["place"].weights[name].layout == "base3"
    forced = stages(bitnet, layouts=(("*down_proj*", "planes"), ("*", "base3")))["place"].weights
    assert forced[name].layout == "planes"
    assert forced["model.layers.0.self_attn.o_proj.weight"].layout == "base3"
    assert forced["model.embed_tokens.weight"].layout == "fields"  # base3 cannot hold it
    with pytest.raises(CompileError, match="no such layout; accepted: rows, planes"):
        stages(bitnet, layouts=(("*", "stripes"),))
    with pytest.raises(CompileError, match=r"--layout \*dwon\*=planes: fits no matrix"):
        stages(bitnet, layouts=(("*dwon*", "planes"),))


def test_a_format_whose_sums_would_not_be_exact_is_refused(llama):
    graph = read_checkpoint(str(llama), max_context=None, seed=0).graph
    source = Source("wide", 16, 33027, lambda: np.zeros((16, 33027), np.float32))
    wide = replace(graph, weights={"wide": Weight("wide", "linear", (source,))})
    with pytest.raises(CompileError, match=r"wide: has 33027 columns.*'i8row'.*33026.*'i8g128'"):
        assign_formats(wide, {"linear": "i8row"}, ())
    assert assign_formats(wide, {"linear": "i7row"}, ()).weights["wide"].format == "i7row"


def test_a_rule_that_matches_nothing_is_refused(llama):
    with pytest.raises(CompileError, match="matches no matrix"):
        stages(llama, rules=(("*.qqq.weight", "i8g32"),))


def test_arena_is_smaller_than_the_sum_of_values(bitnet):
    graph = stages(bitnet)["place"]
    total = sum(value_bytes(v, graph.chunk) for v in graph.values.values())
    widest = max(value_bytes(v, graph.chunk) for v in graph.values.values())
    assert widest <= graph.arena_bytes < total / 2


def test_verifier_notices_overlapping_values(bitnet):
    graph = stages(bitnet)["place"]
    spans = lifetimes(graph.ops)
    name = next(n for n, v in graph.values.items() if v.offset and spans[n][1] > spans[n][0])
    values = graph.values | {name: replace(graph.values[name], offset=0)}
    broken = replace(graph, values=values)
    with pytest.raises(GraphError, match="overlap"):
        verify(broken, "test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda op: replace(op, srcs=()), "has 0 sources, needs 1"),
        (lambda op: replace(op, kind="convolve"), "not in ops.def"),
        (lambda op: replace(op, weight="nothing"), "missing or not wanted"),
        (lambda op: replace(op, srcs=(View("later", 0, 1),)), "before it is written"),
        (lambda op: replace(op, dst=View("logits", 0, 3)), "as wide as the vocabulary"),
    ],
)
def test_verifier_names_the_broken_rule(bitnet, change, message):
    graph = stages(bitnet)["frontend"]
    index = next(i for i, op in enumerate(graph.ops) if op.kind == "matmul")
    ops = (*graph.ops[:index], change(graph.ops[index]), *graph.ops[index + 1 :])
    with pytest.raises(GraphError, match=f"after test: operation {index} .*{message}"):
        verify(graph.with_ops(ops), "test")


@pytest.mark.parametrize("make", [checkpoints.bitnet, checkpoints.llama])
def test_plan_text_is_golden(tmp_path, make):
    """A refactor must not change plans; a wanted change regenerates the file and shows in its diff."""
    text = dump(stages(make(tmp_path / make.__name__))["place"], "place")
    assert text == (GOLDEN / f"{make.__name__}.plan.txt").read_text()
