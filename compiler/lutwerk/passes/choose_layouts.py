"""Choose the byte layout of every weight: what the target prefers, unless the user named one."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from lutwerk.defs import FORMATS, LAYOUTS
from lutwerk.errors import CompileError
from lutwerk.graph import Graph, Weight
from lutwerk.layouts import compatible
from lutwerk.targets import Target


def choose_layouts(graph: Graph, target: Target, overrides: tuple[tuple[str, str], ...]) -> Graph:
    """Give each weight a layout that can hold its format. An override applies to the weights that it fits."""
    for pattern, layout in overrides:
        if layout not in LAYOUTS:
            raise CompileError(
                f"--layout {pattern}={layout}: no such layout; accepted: {', '.join(LAYOUTS)}"
            )

    def choose(weight: Weight) -> Weight:
        assert weight.format is not None
        fmt = FORMATS[weight.format]
        candidates = compatible(fmt)
        names = (weight.name, *(source.name for source in weight.sources))
        for pattern, layout in overrides:
            if layout in candidates and any(fnmatchcase(name, pattern) for name in names):
                return replace(weight, layout=layout)
        if fmt.is_float:
            return replace(weight, layout="rows")
        preferred = target.layouts["ternary" if fmt.codebook == "TERNARY" else "int"]
        return replace(weight, layout=preferred)

    return replace(graph, weights={name: choose(w) for name, w in graph.weights.items()})
