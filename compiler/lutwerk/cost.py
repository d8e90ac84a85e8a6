"""The planner's cost model: how long a matrix product takes on a machine, and what bounds it.

A roofline (Williams, Waterman and Patterson, CACM 52(4), 2009): reading the weights and working on them overlap, so
the slower of the two counts, and for several tokens, whose kernels read in bursts, a third of the other; lookup tables
are built before, and add to it, as does the hand-over where threads share a product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lutwerk.defs import FORMATS, LAYOUTS
from lutwerk.layouts import code_bytes, compatible, scale_bytes
from lutwerk.machine import ANCHORS, Machine, family

Bound = Literal["memory", "lookup", "multiply", "tables", "hand-over"]

#: Rows of a float matrix that threads are handed together (FLOAT_ROWS in runtime/src/ops.c).
FLOAT_ROWS = 16
#: Share of the lesser of reading and working that is not hidden behind the other, for several tokens.
_BARED = 0.35
#: Tokens for which prefill is predicted where nobody says how many; the chunk of a bundle by default.
PREFILL_TOKENS = 128


@dataclass(frozen=True)
class Product:
    """A matrix product: shape, and names of format and layout of its matrix."""

    rows: int
    cols: int
    format: str
    layout: str

    @property
    def bytes(self) -> int:
        """Bytes of codes and scales, padding included."""
        fmt, layout = FORMATS[self.format], LAYOUTS[self.layout]
        return code_bytes(fmt, layout, self.rows, self.cols) + scale_bytes(
            fmt, layout, self.rows, self.cols
        )

    @property
    def row_tiles(self) -> int:
        """What threads share: at most so many of them work."""
        return -(-self.rows // max(LAYOUTS[self.layout].tile_rows, FLOAT_ROWS))

    @property
    def padded_weights(self) -> int:
        """Weights that the kernel works on."""
        layout = LAYOUTS[self.layout]
        row_tiles, col_tiles = (
            -(-n // of) for n, of in ((self.rows, layout.tile_rows), (self.cols, layout.tile_cols))
        )
        return row_tiles * layout.tile_rows * col_tiles * layout.tile_cols


@dataclass(frozen=True)
class Prediction:
    """Predicted time of one product for all its tokens, the greatest part of it, and the threads that share it."""

    seconds: float
    bound: Bound
    threads: int


@dataclass(frozen=True)
class Candidate:
    """A layout that could hold a matrix, with the predicted times of one token, of a few and of a prefill chunk."""

    product: Product
    decode: Prediction
    few: Prediction
    prefill: Prediction


def exceeds_cache(machine: Machine, weight_bytes: int) -> bool:
    """Whether a model's weights come from memory again for every token."""
    return weight_bytes > machine.cache_mib * 2**20


def predict(
    machine: Machine, product: Product, tokens: int, threads: int, *, from_memory: bool
) -> Prediction:
    """Time of a product for ``tokens`` tokens: one is decode, more are evaluated together.

    ``from_memory``: the weights are not in the cache. Threads beyond the cores of ``machine``, or
    beyond what threads are handed of the matrix, do not help; nor are they taken to speed up the
    tables, which every core needs whole.
    """
    share = max(1, least_share(machine, product) // tokens)
    cores = min(threads, machine.cores, -(-product.row_tiles // share))
    work = product.padded_weights * _seconds_a_weight(machine, product, tokens)
    memory = 0.0
    if from_memory:
        stream = machine.rates[f"{product.layout}.stream"] if tokens == 1 else 1.0
        memory = product.bytes / (machine.bandwidth[cores - 1] * 1e9 * stream)
    column = machine.rates.get(f"{product.layout}.tables", 0.0) if tokens == 1 else 0.0
    parts: dict[Bound, float] = {
        "memory": memory,
        "lookup" if column else "multiply": work / cores,
        "tables": product.cols * column * 1e-9,
        "hand-over": machine.hand_over * 1e-6 if cores > 1 else 0.0,
    }
    less, more = sorted(list(parts.values())[:2])
    bared = _BARED * less if tokens > 1 else 0.0
    seconds = more + bared + parts["tables"] + parts["hand-over"]
    return Prediction(seconds, max(parts, key=lambda part: parts[part]), cores)


def least_share(machine: Machine, product: Product) -> int:
    """Row tiles of a product of one token that a thread should take at once at least.

    They take as long as handing them over does, which may be more than there are; where that leaves
    less than two such shares, all tiles: then one thread is as fast as several.
    """
    tiles = product.row_tiles
    seconds = product.padded_weights * _seconds_a_weight(machine, product, 1) / tiles
    share = max(1, round(machine.hand_over * 1e-6 / seconds))
    return share if 2 * share <= tiles else max(share, tiles)


def _seconds_a_weight(machine: Machine, product: Product, tokens: int) -> float:
    """Of one core, for all tokens. Between the numbers of tokens that were measured, time grows evenly."""
    fmt = family(FORMATS[product.format])

    def at(count: int, phase: str) -> float:
        return count / (machine.rates[f"{product.layout}.{phase}.{fmt}"] * 1e9)

    if tokens == 1:
        return at(1, "decode")
    known = list(ANCHORS)
    if tokens >= known[-1]:
        return at(tokens, ANCHORS[known[-1]])
    upper = next(i for i, count in enumerate(known) if count > tokens)
    low, high = known[upper - 1], known[upper]
    begin, end = at(low, ANCHORS[low]), at(high, ANCHORS[high])
    return begin + (end - begin) * (tokens - low) / (high - low)


def rank(
    machine: Machine,
    rows: int,
    cols: int,
    fmt: str,
    threads: int,
    *,
    from_memory: bool,
    few: int = 4,
    tokens: int = PREFILL_TOKENS,
) -> list[Candidate]:
    """Every layout that can hold the format, the least decode time first; prefill of ``tokens`` breaks ties."""

    def candidate(layout: str) -> Candidate:
        product = Product(rows, cols, fmt, layout)
        predictions = (
            predict(machine, product, count, threads, from_memory=from_memory)
            for count in (1, few, tokens)
        )
        return Candidate(product, *predictions)

    found = [candidate(layout) for layout in compatible(FORMATS[fmt])]
    return sorted(found, key=lambda c: (c.decode.seconds, c.prefill.seconds))
