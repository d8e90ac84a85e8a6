"""The static memory plan: give every value an arena offset so that values alive at the same time do not overlap."""

from __future__ import annotations

from dataclasses import replace

from lutwerk.graph import Graph, Op, View
from lutwerk.liveness import IN_PLACE, lifetimes, value_bytes


def place(graph: Graph, chunk: int) -> Graph:
    """First fit in order of definition; an in-place operation reuses the storage of a source that dies there."""
    spans = lifetimes(graph.ops)
    sizes = {name: value_bytes(graph.values[name], chunk) for name in spans}
    offsets: dict[str, int] = {}
    for name in sorted(spans, key=lambda n: (spans[n][0], n)):
        begin, end = spans[name]
        reused = _reusable(graph, graph.ops[begin], name, spans, begin)
        if reused is not None:
            offsets[name] = offsets[reused]
            continue
        busy = sorted(
            (offsets[other], offsets[other] + sizes[other])
            for other in offsets
            if spans[other][0] <= end and begin <= spans[other][1]
        )
        offset = 0
        for low, high in busy:
            if offset + sizes[name] <= low:
                break
            offset = max(offset, high)
        offsets[name] = offset
    values = {n: replace(graph.values[n], offset=offset) for n, offset in offsets.items()}
    arena = max((offsets[n] + sizes[n] for n in offsets), default=0)
    return replace(graph, values=values, arena_bytes=arena, chunk=chunk)


def _reusable(
    graph: Graph, op: Op, name: str, spans: dict[str, tuple[int, int]], index: int
) -> str | None:
    """A whole source value of ``op`` that is not used afterwards and has the shape of the result."""
    value = graph.values[name]
    if op.kind not in IN_PLACE or op.dst != View(name, 0, value.width):
        return None
    for src in op.srcs:
        whole = src == View(src.value, 0, value.width)
        same_shape = graph.values[src.value].width == value.width
        if whole and same_shape and spans[src.value][1] == index:
            return src.value
    return None
