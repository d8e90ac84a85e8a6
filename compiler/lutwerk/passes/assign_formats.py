"""Decide the quantiser, and with it the numeric format, of every weight."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from lutwerk.defs import FORMATS
from lutwerk.errors import CompileError
from lutwerk.graph import Graph, Role, Weight
from lutwerk.quantize import QUANTIZERS


def assign_formats(
    graph: Graph, quantizers: dict[Role, str], rules: tuple[tuple[str, str], ...]
) -> Graph:
    """Give each weight a quantiser: the first rule whose pattern matches its name, else its role's.

    Norms and rotary tables are always float32; a rule for them is refused.
    """
    unused = dict.fromkeys(pattern for pattern, _ in rules)

    def assign(weight: Weight) -> Weight:
        chosen = quantizers.get(weight.role, "f32")
        for pattern, quantizer in rules:
            if fnmatchcase(weight.name, pattern):
                if weight.role in ("norm", "rope"):
                    continue
                unused.pop(pattern, None)
                chosen = quantizer
                break
        if chosen not in QUANTIZERS:
            raise CompileError(
                f"{weight.name}: quantiser {chosen!r} is not known; "
                f"accepted: {', '.join(QUANTIZERS)}"
            )
        fmt = FORMATS[QUANTIZERS[chosen].format]
        if weight.cols > fmt.max_cols:
            raise CompileError(
                f"{weight.name}: has {weight.cols} columns, but sums of format {fmt.name!r} are exact "
                f"only up to {fmt.max_cols}; use a format with groups, such as 'i{fmt.bits}g128', for it"
            )
        return replace(weight, quantizer=chosen, format=fmt.name)

    weights = {name: assign(weight) for name, weight in graph.weights.items()}
    for pattern in unused:
        raise CompileError(
            f"--rule {pattern}: matches no matrix of the model, for example "
            f"{next(w.name for w in weights.values() if w.role == 'linear')}"
        )
    return replace(graph, weights=weights)
