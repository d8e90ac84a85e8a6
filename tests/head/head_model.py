"""Models that are a head: token t looks up state t, and the head is all that is multiplied."""

from pathlib import Path

from lutwerk.emit.model import write_model
from lutwerk.emit.records import build_records
from lutwerk.graph import LOGITS, Graph, ModelConfig, Op, Source, Value, View, Weight
from lutwerk.passes.assign_formats import assign_formats
from lutwerk.passes.choose_layouts import choose_layouts
from lutwerk.passes.place import place
from lutwerk.passes.quantize_activations import quantize_activations
from lutwerk.progress import NoProgress
from lutwerk.targets import load_target
from lutwerk.verify import verify

CHUNK = 64


def write_head_model(path: Path, states, head, *, layout="split", quantizer="i57g64") -> Path:
    """Write a model.lw with states float32 [vocab, cols] and a head float32 [vocab, cols]."""
    vocab, cols = head.shape
    weights = {
        "states": Weight("states", "embedding", (Source("states", vocab, cols, lambda: states),)),
        "head": Weight("head", "head", (Source("head", vocab, cols, lambda: head),)),
    }
    ops = (
        Op("embed", View("x", 0, cols), weight="states"),
        Op("matmul", View(LOGITS, 0, vocab), (View("x", 0, cols),), weight="head"),
    )
    graph = Graph(_config(vocab, cols), ops, {"x": Value("x", cols)}, weights, head_begin=1)
    target = load_target("generic")
    graph = assign_formats(graph, {"embedding": "f32", "head": quantizer}, ())
    graph = choose_layouts(quantize_activations(graph), target, (("head", layout),))
    graph = place(graph, CHUNK)
    verify(graph, "place")
    write_model(path, build_records(graph, target, None), vocab, 1, NoProgress())
    return path


def _config(vocab: int, cols: int) -> ModelConfig:
    return ModelConfig(
        architecture="head",
        name="head",
        vocab=vocab,
        hidden=cols,
        intermediate=cols,
        layers=1,
        heads=1,
        kv_heads=1,
        head_dim=2,
        max_context=CHUNK,
        rope_theta=1e4,
        rms_eps=1e-5,
        tied_embeddings=False,
    )
