"""A graph as readable text, for --dump-after and for golden tests."""

from __future__ import annotations

from lutwerk.graph import Graph, Op, View


def dump(graph: Graph, stage: str) -> str:
    """All weights and operations, one line each."""
    lines = [f"# after {stage}: {graph.config.architecture} {graph.config.name}"]
    if graph.arena_bytes is not None:
        lines.append(f"# arena {graph.arena_bytes} bytes for chunks of {graph.chunk} tokens")
    for weight in graph.weights.values():
        chosen = " ".join(filter(None, (weight.quantizer, weight.format, weight.layout)))
        lines.append(f"weight {weight.name} [{weight.rows}, {weight.cols}] {weight.role} {chosen}")
    for index, op in enumerate(graph.ops):
        if index == graph.head_begin:
            lines.append("# head: only for tokens whose logits are wanted")
        lines.append(_op_line(graph, op))
    return "\n".join(lines) + "\n"


def _op_line(graph: Graph, op: Op) -> str:
    arguments = [_view(graph, view) for view in op.srcs]
    arguments += [op.weight] if op.weight else []
    arguments += [f"layer={op.layer}"] if op.kind in ("kv_store", "attention") else []
    arguments += [f"param={op.param:.9g}"] if op.param else []
    left = f"{_view(graph, op.dst)} = " if op.dst else ""
    return f"{left}{op.kind}({', '.join(arguments)})"


def _view(graph: Graph, view: View) -> str:
    value = graph.values.get(view.value)
    whole = value is None or (view.start, view.width) == (0, value.width)
    columns = "" if whole else f"[{view.start}:{view.start + view.width}]"
    place = "" if value is None or value.offset is None else f"@{value.offset}"
    return f"{view.value}{columns}{place}"
