"""Synthetic models: published shapes, seeded by name, with activations that stay in range."""

import math

import numpy as np
import pytest

from lutwerk.errors import CheckpointError
from lutwerk.frontends import read_checkpoint
from lutwerk.frontends.synthetic import SHAPES


def read(name, max_context=None, seed=0):
    return read_checkpoint(f"synthetic:{name}", max_context=max_context, seed=seed)


#: Weights of the linear layers, and of one table of embeddings, of the published models.
PARAMETERS = {
    "bitnet-b1.58-2B-4T": (2_084_044_800, 328_335_360),
    "bitnet-0.73B": (679_477_248, 49_155_072),
    "bitnet-3B": (3_221_504_000, 102_406_400),
    "llama-2-7b": (6_476_005_376, 131_072_000),
    "llama-3.2-1b": (973_078_528, 262_668_288),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_have_the_published_numbers_of_parameters(name):
    checkpoint = read(name)
    weights = checkpoint.graph.weights.values()
    linear = sum(w.rows * w.cols for w in weights if w.role == "linear")
    embedding = sum(w.rows * w.cols for w in weights if w.role in ("embedding", "head"))
    tables = 1 if checkpoint.graph.config.tied_embeddings else 2
    assert (linear, embedding) == (PARAMETERS[name][0], tables * PARAMETERS[name][1])
    assert checkpoint.tokenizer is None
    assert checkpoint.graph.config.max_context <= 4096


def test_tensors_depend_on_seed_and_name_but_not_on_order():
    graphs = [read("bitnet-0.73B").graph, read("bitnet-0.73B").graph]
    names = [f"model.layers.{i}.self_attn.q_proj.weight" for i in (0, 1)]
    first = [graphs[0].weights[n].sources[0].load().values for n in names]
    second = [graphs[1].weights[n].sources[0].load().values for n in reversed(names)]
    assert np.array_equal(first[0], second[1])
    assert not np.array_equal(first[0], first[1])
    other = read("bitnet-0.73B", seed=1).graph.weights[names[0]].sources[0].load()
    assert not np.array_equal(first[0], other.values)


@pytest.mark.parametrize("name", ["bitnet-0.73B", "llama-3.2-1b"])
def test_products_keep_the_variance_of_their_input(name):
    weight = read(name).graph.weights["model.layers.0.mlp.down_proj.weight"]
    loaded = weight.sources[0].load()
    matrix = loaded if isinstance(loaded, np.ndarray) else loaded.values * loaded.scale
    x = np.random.default_rng(0).standard_normal(weight.cols).astype(np.float32)
    assert matrix.dtype == np.float32
    assert np.std(matrix @ x) == pytest.approx(1, abs=4 / math.sqrt(weight.rows))


def test_norms_are_one_row_of_positive_gains():
    gains = read("llama-3.2-1b").graph.weights["model.norm.weight"].sources[0].load()
    assert (gains.shape, gains.dtype) == ((1, 2048), np.float32)
    assert gains.min() >= 0.75
    assert gains.max() <= 1.25


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(CheckpointError, match=r"synthetic:gpt: .*accepted: " + ", ".join(SHAPES)):
        read("gpt")


def test_a_context_beyond_the_model_is_refused():
    assert read("llama-3.2-1b", max_context=131072).graph.config.max_context == 131072
    with pytest.raises(CheckpointError, match=r"context of 4097 .* 1 to 4096"):
        read("llama-2-7b", max_context=4097)
