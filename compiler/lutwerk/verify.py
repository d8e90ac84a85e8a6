"""The rules that every graph obeys, checked after each pass.

A broken rule is a bug of the compiler, not of its input.
"""

from __future__ import annotations

from lutwerk.defs import FORMATS, OPS
from lutwerk.graph import LOGITS, Graph, Op, View
from lutwerk.layouts import ALIGN, compatible
from lutwerk.liveness import IN_PLACE, lifetimes, value_bytes

#: Kinds of operation: number of sources, and whether they take a weight.
SIGNATURES = {
    "embed": (0, True),
    "rmsnorm": (1, True),
    "quantize": (1, False),
    "matmul": (1, True),
    "matmul_float": (1, True),
    "rope": (0, True),
    "kv_store": (2, False),
    "attention": (1, False),
    "add": (2, False),
    "relu2_mul": (2, False),
    "silu_mul": (2, False),
}


class GraphError(AssertionError):
    """A pass has produced a graph that breaks a rule."""


def verify(graph: Graph, stage: str) -> None:
    """Raise GraphError with the stage, the operation and the rule when the graph is not valid."""
    for index, op in enumerate(graph.ops):
        for rule in _op_rules(graph, index, op):
            raise GraphError(f"after {stage}: operation {index} ({op.kind}): {rule}")
    for rule in (*_weight_rules(graph), *_place_rules(graph)):
        raise GraphError(f"after {stage}: {rule}")


def _op_rules(graph: Graph, index: int, op: Op) -> list[str]:
    broken = []
    if op.kind not in OPS or op.kind not in SIGNATURES:
        return [f"{op.kind} is not in ops.def"]
    sources, takes_weight = SIGNATURES[op.kind]
    if len(op.srcs) != sources:
        broken.append(f"has {len(op.srcs)} sources, needs {sources}")
    if takes_weight != (op.weight is not None) or (
        op.weight is not None and op.weight not in graph.weights
    ):
        broken.append(f"weight {op.weight!r} is missing or not wanted")
    if broken:
        return broken
    defined = {o.dst.value for o in graph.ops[:index] if o.dst}
    read = (*op.srcs, op.dst) if op.kind == "rope" and op.dst else op.srcs
    for view in read:
        if view.value not in defined:
            broken.append(f"reads {view.value} before it is written")
    for view in (*op.srcs, *((op.dst,) if op.dst else ())):
        broken += _view_rules(graph, view)
    if op.dst and op.dst.value == LOGITS and index != len(graph.ops) - 1:
        broken.append("writes the logits but is not the last operation")
    if op.kind in ("matmul", "matmul_float") and op.weight and op.dst:
        weight = graph.weights[op.weight]
        if (op.srcs[0].width, op.dst.width) != (weight.cols, weight.rows):
            broken.append(f"{weight.name} is {weight.rows} x {weight.cols}")
    return broken


def _view_rules(graph: Graph, view: View) -> list[str]:
    if view.value == LOGITS:
        ok = (view.start, view.width) == (0, graph.config.vocab)
        return [] if ok else ["logits must be as wide as the vocabulary"]
    if view.value not in graph.values:
        return [f"value {view.value} does not exist"]
    if view.start + view.width > graph.values[view.value].width:
        return [f"view exceeds value {view.value}"]
    return []


def _weight_rules(graph: Graph) -> list[str]:
    broken = []
    for name, weight in graph.weights.items():
        if name != weight.name or len({s.cols for s in weight.sources}) != 1:
            broken.append(f"weight {name}: name or columns of its sources differ")
        if weight.layout and weight.layout not in compatible(FORMATS[weight.format or ""]):
            broken.append(f"weight {name}: layout {weight.layout} cannot hold {weight.format}")
    return broken


def _place_rules(graph: Graph) -> list[str]:
    if graph.arena_bytes is None or graph.chunk is None:
        return []
    broken = []
    spans = lifetimes(graph.ops)
    regions = []
    for name, (begin, end) in spans.items():
        offset, size = graph.values[name].offset, value_bytes(graph.values[name], graph.chunk)
        if offset is None or offset % ALIGN or offset + size > graph.arena_bytes:
            broken.append(f"value {name} is misplaced")
            continue
        regions.append((begin, end, offset, offset + size, name))
    for i, (begin, end, low, high, name) in enumerate(regions):
        for begin2, end2, low2, high2, name2 in regions[i + 1 :]:
            handover = (begin == end2 or begin2 == end) and low == low2
            in_place = handover and graph.ops[max(begin, begin2)].kind in IN_PLACE
            if begin <= end2 and begin2 <= end and low < high2 and low2 < high and not in_place:
                broken.append(f"values {name} and {name2} are alive together and overlap")
    return broken
