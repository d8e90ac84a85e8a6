"""Make activations int8 in front of integer weights, and give float weights their own operation."""

from __future__ import annotations

from dataclasses import replace

from lutwerk.defs import FORMATS
from lutwerk.graph import Graph, Op, Value, View


def quantize_activations(graph: Graph) -> Graph:
    """Insert one ``quantize`` per distinct input of integer products; ``matmul`` of floats becomes ``matmul_float``."""
    ops: list[Op] = []
    values = dict(graph.values)
    quantized: dict[View, View] = {}
    head_begin = graph.head_begin
    for index, op in enumerate(graph.ops):
        if op.kind != "matmul" or op.weight is None:
            ops.append(op)
            continue
        weight = graph.weights[op.weight]
        assert weight.format is not None
        if FORMATS[weight.format].is_float:
            ops.append(replace(op, kind="matmul_float"))
            continue
        (src,) = op.srcs
        if src not in quantized:
            value = Value(f"{src.value}.q8", src.width, "q8")
            values[value.name] = value
            quantized[src] = View(value.name, 0, src.width)
            ops.append(Op("quantize", quantized[src], (src,)))
            head_begin += index < graph.head_begin
        ops.append(replace(op, srcs=(quantized[src],)))
    return replace(graph, ops=tuple(ops), values=values, head_begin=head_begin)
