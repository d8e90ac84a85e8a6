"""The two-stage head in the planner: when it is chosen, and what it is expected to read.

docs/two-stage-head.md describes it. The first stage reads the high half of every row's codes, the
second the low half of the few rows that can still be among the greatest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lutwerk import split
from lutwerk.cost import Prediction, Product, exceeds_cache, rank
from lutwerk.defs import FORMATS
from lutwerk.graph import LOGITS, Graph
from lutwerk.machine import Machine

FORMAT, LAYOUT = "i57g64", "split"

#: The quantiser whose place the two-stage head takes by default: it has as many bits.
_REPLACED = "i6g64"
#: A format whose product is like the first stage: as many bits, and scales for as many columns.
_FIRST_STAGE = "i3g64"
#: Share of the rows whose low bits are read when the 40 greatest logits of a large vocabulary are
#: wanted (docs/two-stage-head.md has the measurements).
_SURVIVORS = 0.025
#: Seconds that a core takes for a row after the first stage: looking at its estimate, and its share of the survivors.
_ROW_SECONDS = 8e-9


@dataclass(frozen=True)
class TwoStage:
    """What a token's head costs: the first stage, both, and the bytes that both read."""

    first: Prediction
    both: Prediction
    bytes: int


def head_of(graph: Graph) -> str | None:
    """Name of the weight that gives the logits."""
    return next((op.weight for op in graph.ops if op.dst and op.dst.value == LOGITS), None)


def pays(machine: Machine, rows: int, cols: int) -> bool:
    """Whether a head's codes come from memory for every token, and the first stage is the faster.

    From the cache, or where arithmetic holds both up, reading fewer bits gains nothing.
    """
    if not exceeds_cache(machine, rows * cols * FORMATS[FORMAT].bits // 8):
        return False
    whole = rank(machine, rows, cols, _REPLACED, machine.cores, from_memory=True)[0].decode
    first = predict(machine, rows, cols, machine.cores, from_memory=True).first
    return first.seconds < whole.seconds


def default_head_quantizer(graph: Graph, default: str, machine: Machine) -> str:
    """The quantiser of a head that the user left to the compiler: ``default`` unless two stages pay."""
    head = graph.weights[head_of(graph) or ""]
    return FORMAT if default == _REPLACED and pays(machine, head.rows, head.cols) else default


def predict(machine: Machine, rows: int, cols: int, threads: int, *, from_memory: bool) -> TwoStage:
    """Predict one token. The first stage reads and multiplies what a product of 3-bit weights does."""
    first = rank(machine, rows, cols, _FIRST_STAGE, threads, from_memory=from_memory)[0].decode
    low = int(_SURVIVORS * rows * split.low_stride(cols))
    high = Product(rows, cols, FORMAT, LAYOUT).bytes - rows * split.low_stride(cols)
    rest = rows * _ROW_SECONDS / first.threads
    if from_memory:
        rest += low / (machine.bandwidth[first.threads - 1] * 1e9)
    both = replace(first, seconds=first.seconds + rest)
    return TwoStage(first, both, high + low)
