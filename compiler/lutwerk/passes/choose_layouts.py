"""Choose the byte layout of every weight: the fastest that the cost model predicts, unless the user named one."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from lutwerk import two_stage
from lutwerk.cost import Product, exceeds_cache, rank
from lutwerk.defs import FORMATS, LAYOUTS
from lutwerk.errors import CompileError
from lutwerk.graph import Graph, Weight
from lutwerk.layouts import compatible
from lutwerk.targets import Target


def choose_layouts(graph: Graph, target: Target, overrides: tuple[tuple[str, str], ...]) -> Graph:
    """Give each weight a layout that can hold its format.

    An override applies to the weights that it fits, and one that fits none is refused. Of the
    others, matrices that are multiplied get the layout of least predicted decode time with all cores
    of the target's machine, and tables that are only looked up the smallest one. Layout ``split`` is
    for the head alone, and only where its two stages pay: as a whole it is no faster than others.
    """
    for pattern, layout in overrides:
        if layout not in LAYOUTS:
            raise CompileError(
                f"--layout {pattern}={layout}: no such layout; accepted: {', '.join(LAYOUTS)}"
            )
        if not any(_fits(weight, pattern, layout) for weight in graph.weights.values()):
            raise CompileError(
                f"--layout {pattern}={layout}: fits no matrix of the model; `lutwerk inspect` shows "
                "names and formats of a bundle, and --quant and --head choose formats"
            )
    head = two_stage.head_of(graph)
    multiplied = {op.weight for op in graph.ops if op.kind in ("matmul", "matmul_float")}
    smallest = {name: _smallest(weight) for name, weight in graph.weights.items()}
    least_bytes = sum(product.bytes for name, product in smallest.items() if name in multiplied)
    from_memory = exceeds_cache(target.speed, least_bytes)

    def choose(weight: Weight) -> str:
        assert weight.format is not None
        candidates = compatible(FORMATS[weight.format])
        for pattern, layout in overrides:
            if _fits(weight, pattern, layout):
                return layout
        splittable = weight.name == head and two_stage.LAYOUT in candidates
        if splittable and two_stage.pays(target.speed, weight.rows, weight.cols):
            return two_stage.LAYOUT
        if weight.name not in multiplied:
            return smallest[weight.name].layout
        ranked = rank(
            target.speed,
            weight.rows,
            weight.cols,
            weight.format,
            target.speed.cores,
            from_memory=from_memory,
        )
        return next(c.product.layout for c in ranked if c.product.layout != two_stage.LAYOUT)

    weights = {name: replace(w, layout=choose(w)) for name, w in graph.weights.items()}
    return replace(graph, weights=weights)


def _fits(weight: Weight, pattern: str, layout: str) -> bool:
    """Whether a weight has a name that matches and a format that the layout can hold."""
    names = (weight.name, *(source.name for source in weight.sources))
    holds = layout in compatible(FORMATS[weight.format or ""])
    return holds and any(fnmatchcase(name, pattern) for name in names)


def _smallest(weight: Weight) -> Product:
    assert weight.format is not None
    found = [
        Product(weight.rows, weight.cols, weight.format, layout)
        for layout in compatible(FORMATS[weight.format])
        if layout != two_stage.LAYOUT
    ]
    return min(found, key=lambda product: product.bytes)
