"""Merge matrix products that read the same input (q, k, v; gate, up) into one over stacked rows.

One product builds its tables and starts its threads once instead of three times, and its rows share the work evenly.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from lutwerk.graph import LOGITS, Graph, Op, Value, View, Weight


def fuse_projections(graph: Graph) -> Graph:
    """Fuse runs of adjacent products with equal input and quantiser; their results become views of one value."""
    uses = [op.weight for op in graph.ops if op.weight]
    weights = dict(graph.weights)
    values = dict(graph.values)
    moved: dict[str, View] = {}
    ops: list[Op] = []

    def key(item: tuple[int, Op]) -> object:
        index, op = item
        fusible = op.kind == "matmul" and op.dst is not None and op.dst.value != LOGITS
        if not fusible or op.weight is None or uses.count(op.weight) > 1:
            return index
        return op.srcs, graph.weights[op.weight].quantizer

    for _, run in groupby(enumerate(graph.ops), key):
        members = [op for _, op in run]
        if len(members) == 1:
            ops.append(members[0])
            continue
        weight = _stack([weights.pop(op.weight) for op in members if op.weight])
        weights[weight.name] = weight
        value = Value(_join([op.dst.value for op in members if op.dst]), weight.rows)
        values[value.name] = value
        start = 0
        for op in members:
            assert op.dst is not None
            del values[op.dst.value]
            moved[op.dst.value] = View(value.name, start, op.dst.width)
            start += op.dst.width
        dst = View(value.name, 0, weight.rows)
        ops.append(replace(members[0], dst=dst, weight=weight.name))

    def move(view: View) -> View:
        base = moved.get(view.value)
        return View(base.value, base.start + view.start, view.width) if base else view

    rewritten = tuple(
        replace(op, dst=move(op.dst) if op.dst else None, srcs=tuple(map(move, op.srcs)))
        for op in ops
    )
    return replace(
        graph,
        ops=rewritten,
        values=values,
        weights=weights,
        # The head has one product, so all operations that went were in front of it.
        head_begin=graph.head_begin - (len(graph.ops) - len(ops)),
    )


def _stack(members: list[Weight]) -> Weight:
    sources = tuple(source for weight in members for source in weight.sources)
    return replace(members[0], name=_join([w.name for w in members]), sources=sources)


def _join(names: list[str]) -> str:
    """``a.q_proj.w``, ``a.k_proj.w`` -> ``a.{q_proj,k_proj}.w``."""
    split = [name.split(".") for name in names]
    parts = [list(dict.fromkeys(column)) for column in zip(*split, strict=True)]
    return ".".join(p[0] if len(p) == 1 else "{" + ",".join(p) + "}" for p in parts)
