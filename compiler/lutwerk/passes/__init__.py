"""The passes, in order. Each is one file: a function Graph -> Graph on frozen dataclasses.

``run_passes`` verifies the graph after each of them (lutwerk.verify) and can print any stage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lutwerk.errors import CompileError
from lutwerk.graph import Graph, Role
from lutwerk.passes.assign_formats import assign_formats
from lutwerk.passes.choose_layouts import choose_layouts
from lutwerk.passes.fuse_projections import fuse_projections
from lutwerk.passes.place import place
from lutwerk.passes.quantize_activations import quantize_activations
from lutwerk.targets import Target
from lutwerk.verify import verify


@dataclass(frozen=True)
class PassContext:
    """What the passes decide from."""

    target: Target
    quantizers: dict[Role, str]
    rules: tuple[tuple[str, str], ...]
    layouts: tuple[tuple[str, str], ...]
    chunk: int


PASSES: dict[str, Callable[[Graph, PassContext], Graph]] = {
    "assign_formats": lambda g, c: assign_formats(g, c.quantizers, c.rules),
    "fuse_projections": lambda g, c: fuse_projections(g),
    "quantize_activations": lambda g, c: quantize_activations(g),
    "choose_layouts": lambda g, c: choose_layouts(g, c.target, c.layouts),
    "place": lambda g, c: place(g, c.chunk),
}

#: Accepted by --dump-after: the frontend's graph, each pass, or all of them.
STAGES = ("frontend", *PASSES, "all")


def run_passes(graph: Graph, context: PassContext, dump: Callable[[str, Graph], None]) -> Graph:
    """Run all passes. ``dump`` is called with the name of each stage and its graph."""
    verify(graph, "frontend")
    dump("frontend", graph)
    for name, function in PASSES.items():
        graph = function(graph, context)
        verify(graph, name)
        dump(name, graph)
    return graph


def check_stages(stages: tuple[str, ...]) -> None:
    """Refuse names of stages that do not exist."""
    for stage in stages:
        if stage not in STAGES:
            raise CompileError(f"--dump-after {stage}: no such pass; accepted: {', '.join(STAGES)}")
