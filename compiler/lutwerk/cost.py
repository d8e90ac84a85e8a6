"""The planner's cost model: how long a matrix product takes on a machine, and what bounds it.

A roofline (Williams, Waterman and Patterson, CACM 52(4), 2009): reading the weights and working on them overlap, so
the slower of the two counts; lookup tables are built before, and add to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lutwerk.defs import FORMATS, LAYOUTS
from lutwerk.layouts import code_bytes, compatible, scale_bytes
from lutwerk.machine import Machine, family

Bound = Literal["memory", "lookup", "multiply", "tables"]

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
        return -(-self.rows // LAYOUTS[self.layout].tile_rows)

    @property
    def padded_weights(self) -> int:
        """Weights that the kernel works on."""
        layout = LAYOUTS[self.layout]
        col_tiles = -(-self.cols // layout.tile_cols)
        return self.row_tiles * layout.tile_rows * col_tiles * layout.tile_cols


@dataclass(frozen=True)
class Prediction:
    """Predicted time of one product for all its tokens, and the greatest part of it."""

    seconds: float
    bound: Bound


@dataclass(frozen=True)
class Candidate:
    """A layout that could hold a matrix, with the predicted time of one token and of a prefill chunk."""

    product: Product
    decode: Prediction
    prefill: Prediction


def exceeds_cache(machine: Machine, weight_bytes: int) -> bool:
    """Whether a model's weights come from memory again for every token."""
    return weight_bytes > machine.cache_mib * 2**20


def predict(
    machine: Machine, product: Product, tokens: int, threads: int, *, from_memory: bool
) -> Prediction:
    """Time of a product for ``tokens`` tokens: one is decode, more are one chunk of prefill.

    ``from_memory``: the weights are not in the cache. Threads beyond the cores of ``machine``, or
    beyond the row tiles of the matrix, do not help; nor are they taken to speed up the tables,
    which every core needs whole.
    """
    cores = min(threads, machine.cores)
    phase = "decode" if tokens == 1 else "prefill"
    rate = machine.rates[f"{product.layout}.{phase}.{family(FORMATS[product.format])}"]
    work = product.padded_weights * tokens / (rate * 1e9 * min(cores, product.row_tiles))
    memory = 0.0
    if from_memory:
        share = machine.rates[f"{product.layout}.stream"] if tokens == 1 else 1.0
        memory = product.bytes / (machine.bandwidth[cores - 1] * 1e9 * share)
    column = machine.rates.get(f"{product.layout}.tables", 0.0) if tokens == 1 else 0.0
    tables = product.cols * column * 1e-9
    parts: dict[Bound, float] = {
        "memory": memory,
        "lookup" if column else "multiply": work,
        "tables": tables,
    }
    return Prediction(max(memory, work) + tables, max(parts, key=lambda part: parts[part]))


def rank(
    machine: Machine,
    rows: int,
    cols: int,
    fmt: str,
    threads: int,
    *,
    from_memory: bool,
    tokens: int = PREFILL_TOKENS,
) -> list[Candidate]:
    """Every layout that can hold the format, the least decode time first; prefill of ``tokens`` breaks ties."""

    def candidate(layout: str) -> Candidate:
        product = Product(rows, cols, fmt, layout)
        one, many = (
            predict(machine, product, count, threads, from_memory=from_memory)
            for count in (1, tokens)
        )
        return Candidate(product, one, many)

    found = [candidate(layout) for layout in compatible(FORMATS[fmt])]
    return sorted(found, key=lambda c: (c.decode.seconds, c.prefill.seconds))
