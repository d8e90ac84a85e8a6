"""The two-stage head in the planner: when it is chosen, and what it is expected to read.

docs/two-stage-head.md describes it. The first stage reads the high half of every row's codes, the
second the low half of the few rows that can still be among the greatest.
"""

from __future__ import annotations

from dataclasses import dataclass

from lutwerk import split
from lutwerk.cost import Prediction, Product, exceeds_cache
from lutwerk.defs import FORMATS
from lutwerk.graph import LOGITS, Graph
from lutwerk.layouts import compatible
from lutwerk.machine import Machine

FORMAT, LAYOUT = "i57g64", "split"

#: The quantiser whose place the two-stage head takes by default: it has as many bits.
_REPLACED = "i6g64"
#: Share of the rows whose low bits are read when the 40 greatest logits of a large vocabulary are
#: wanted (docs/two-stage-head.md has the measurements).
_SURVIVORS = 0.025


@dataclass(frozen=True)
class TwoStage:
    """What a token's head costs: the first stage, and the bytes that both stages read."""

    first: Prediction
    bytes: int


def head_of(graph: Graph) -> str | None:
    """Name of the weight that gives the logits."""
    return next((op.weight for op in graph.ops if op.dst and op.dst.value == LOGITS), None)


def pays(machine: Machine, rows: int, cols: int) -> bool:
    """Whether a head's codes come from memory for every token, so that reading fewer is faster."""
    return exceeds_cache(machine, rows * cols * FORMATS[FORMAT].bits // 8)


def default_head_quantizer(graph: Graph, default: str, machine: Machine) -> str:
    """The quantiser of a head that the user left to the compiler: ``default`` unless two stages pay."""
    head = graph.weights[head_of(graph) or ""]
    return FORMAT if default == _REPLACED and pays(machine, head.rows, head.cols) else default


def predict(machine: Machine, rows: int, cols: int, threads: int, *, from_memory: bool) -> TwoStage:
    """Predict one token. The first stage works as a product of 3-bit weights does, at its best layout."""
    product = Product(rows, cols, FORMAT, LAYOUT)
    cores = min(threads, machine.cores)
    low = rows * split.low_stride(cols)
    first = product.bytes - low
    rate = max(machine.rates[f"{layout}.decode.i3"] for layout in compatible(FORMATS["i3g64"]))
    work = product.padded_weights / (rate * 1e9 * min(cores, product.row_tiles))
    share = machine.rates[f"{LAYOUT}.stream"]
    memory = first / (machine.bandwidth[cores - 1] * 1e9 * share) if from_memory else 0.0
    seconds = max(memory, work)
    bound = Prediction(seconds, "memory" if memory > work else "multiply")
    return TwoStage(bound, first + int(_SURVIVORS * low))
