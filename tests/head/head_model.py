"""Models that are a head: token t looks up state t, and the head is all that is multiplied."""

from pathlib import Path

from lutwerk.graph import LOGITS, Graph, Op, Source, Value, View, Weight
from lutwerk.passes.assign_formats import assign_formats
from lutwerk.probe import small_config, write_graph
from lutwerk.progress import NoProgress
from lutwerk.targets import load_target

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
    config = small_config("head", vocab, cols, max_context=CHUNK)
    graph = Graph(config, ops, {"x": Value("x", cols)}, weights, head_begin=1)
    graph = assign_formats(graph, {"embedding": "f32", "head": quantizer}, ())
    target = load_target("generic")
    write_graph(path, graph, target, (("head", layout),), CHUNK, NoProgress())
    return path
