"""Small models made to be measured: matrices of chosen shapes and formats that multiply one vector."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lutwerk.cost import FLOAT_ROWS
from lutwerk.defs import LAYOUTS
from lutwerk.emit.model import write_model
from lutwerk.emit.records import build_records
from lutwerk.graph import F32, LOGITS, Graph, ModelConfig, Op, Source, Ternary, Value, View, Weight
from lutwerk.passes.assign_formats import assign_formats
from lutwerk.passes.choose_layouts import choose_layouts
from lutwerk.passes.place import place
from lutwerk.passes.quantize_activations import quantize_activations
from lutwerk.progress import Progress
from lutwerk.targets import Target
from lutwerk.verify import verify

_VOCAB = 16
_TABLE = "embedding"
#: Rows that are drawn; larger matrices repeat them. Kernels take the same time for all values.
_DRAWN_ROWS = 256


@dataclass(frozen=True)
class Matrix:
    """A matrix to multiply by; ``quantizer`` gives the format."""

    name: str
    rows: int
    quantizer: str


def write_probe(
    path: Path,
    target: Target,
    layout: str,
    cols: int,
    chunk: int,
    matrices: list[Matrix],
    progress: Progress,
) -> None:
    """Write a model.lw whose plan multiplies by each matrix, of ``cols`` columns, once."""
    table = Source(_TABLE, _VOCAB, cols, lambda: _floats(_VOCAB, cols))
    weights = {_TABLE: Weight(_TABLE, "head", (table,))}
    values = {"x": Value("x", cols)}
    ops = [Op("embed", View("x", 0, cols), weight=_TABLE)]
    for matrix in matrices:
        weights[matrix.name] = Weight(matrix.name, "linear", (_source(matrix, cols),))
        result = f"{matrix.name}.y"
        values[result] = Value(result, matrix.rows)
        dst = View(result, 0, matrix.rows)
        ops.append(Op("matmul", dst, (View("x", 0, cols),), weight=matrix.name))
    ops.append(Op("matmul", View(LOGITS, 0, _VOCAB), (View("x", 0, cols),), weight=_TABLE))
    config = small_config("probe", _VOCAB, cols)
    graph = Graph(config, tuple(ops), values, weights, len(ops) - 1)

    rules = tuple((matrix.name, matrix.quantizer) for matrix in matrices)
    graph = assign_formats(graph, {"head": "f32"}, rules)
    write_graph(path, graph, target, (("*", layout),), chunk, progress)


def write_graph(
    path: Path,
    graph: Graph,
    target: Target,
    layouts: tuple[tuple[str, str], ...],
    chunk: int,
    progress: Progress,
) -> None:
    """Plan and write a graph whose formats are assigned; ``layouts`` as of ``choose_layouts``."""
    graph = choose_layouts(quantize_activations(graph), target, layouts)
    graph = place(graph, chunk)
    verify(graph, "place")
    write_model(path, build_records(graph, target, None), graph.config.vocab, 1, progress)


def rows_for(layout: str, bits: float, cols: int, matrix_bytes: int) -> int:
    """Rows, in whole tiles and at least two of them, of a matrix of about ``matrix_bytes``."""
    tile = max(LAYOUTS[layout].tile_rows, FLOAT_ROWS)
    return max(2, int(matrix_bytes * 8 / (bits * cols * tile))) * tile


def small_config(name: str, vocab: int, cols: int, max_context: int = 1) -> ModelConfig:
    """What a model of a few operations on vectors of ``cols`` columns says of itself."""
    return ModelConfig(
        architecture=name,
        name=name,
        vocab=vocab,
        hidden=cols,
        intermediate=cols,
        layers=1,
        heads=1,
        kv_heads=1,
        head_dim=2,
        max_context=max_context,
        rope_theta=1e4,
        rms_eps=1e-5,
        tied_embeddings=True,
    )


def _source(matrix: Matrix, cols: int) -> Source:
    rows = matrix.rows
    if matrix.quantizer != "ternary":
        return Source(
            matrix.name, rows, cols, lambda: np.resize(_floats(_DRAWN_ROWS, cols), (rows, cols))
        )

    def load() -> Ternary:
        drawn = np.sign(_floats(_DRAWN_ROWS, cols)).astype(np.int8)
        return Ternary(np.resize(drawn, (rows, cols)), np.float32(1))

    return Source(matrix.name, rows, cols, load, ternary=True)


@cache
def _floats(rows: int, cols: int) -> F32:
    # A third of them is 0, so that their signs are even trits.
    drawn = np.random.default_rng(0).random((rows, cols), dtype=np.float32) - np.float32(0.5)
    return np.where(np.abs(drawn) < np.float32(1 / 6), np.float32(0), drawn)
