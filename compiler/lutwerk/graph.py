"""The intermediate representation: frozen dataclasses from the frontend's graph to the planned graph.

A graph is a list of operations on named values. A value is float32 ``[tokens, width]`` or int8 activations of ``width``
columns ("q8", see runtime/FORMAT.md). Operations read :class:`View` objects, column ranges of values, so that one
matrix product can serve q, k and v. Weights are :class:`Weight` descriptors; their numbers are read one tensor at a
time when the bundle is written, never before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Ternary:
    """A ternary matrix as a checkpoint stores it: codes int8 ``[rows, cols]`` in {-1, 0, 1} times one float32 scale."""

    values: NDArray[np.int8]
    scale: np.float32


@dataclass(frozen=True)
class Source:
    """Where one tensor of a checkpoint comes from.

    ``load`` reads it: float32 ``[rows, cols]``, or :class:`Ternary` when the checkpoint holds it in ternary.
    """

    name: str
    rows: int
    cols: int
    load: Callable[[], F32 | Ternary] = field(repr=False, compare=False)
    ternary: bool = False


#: What a weight is for; quantisation rules start from it.
Role = Literal["linear", "head", "embedding", "norm", "rope"]


@dataclass(frozen=True)
class Weight:
    """A matrix of the plan: one or more sources stacked along the rows.

    ``quantizer`` and ``format`` are None until the pass ``assign_formats`` fills them, ``layout`` until
    ``choose_layouts`` does.
    """

    name: str
    role: Role
    sources: tuple[Source, ...]
    quantizer: str | None = None
    format: str | None = None
    layout: str | None = None

    @property
    def rows(self) -> int:
        """Rows (outputs) of all sources together."""
        return sum(s.rows for s in self.sources)

    @property
    def cols(self) -> int:
        """Columns (inputs)."""
        return self.sources[0].cols


@dataclass(frozen=True)
class Value:
    """A tensor of activations: ``width`` numbers for each token. ``offset`` is its arena byte once placed."""

    name: str
    width: int
    kind: Literal["f32", "q8"] = "f32"
    offset: int | None = None


@dataclass(frozen=True)
class View:
    """Columns ``[start, start + width)`` of a value."""

    value: str
    start: int
    width: int


#: The value that an operation writes when it produces the caller's logits.
LOGITS = "logits"


@dataclass(frozen=True)
class Op:
    """One operation; ``kind`` is a row of ops.def, whose operands runtime/FORMAT.md lists.

    ``param`` is eps (rmsnorm) or the score scale (attention). ``rope`` changes ``dst`` in place and has no ``srcs``.
    """

    kind: str
    dst: View | None = None
    srcs: tuple[View, ...] = ()
    weight: str | None = None
    layer: int = 0
    param: float = 0.0


#: What the cache holds keys and values as: float16, or int8 with a float32 scale per position and head.
KvType = Literal["f16", "q8"]
#: In the order of their numbers in CONF.
KV_TYPES: tuple[KvType, ...] = ("f16", "q8")


@dataclass(frozen=True)
class ModelConfig:
    """Numbers that describe the model; ranges are in runtime/FORMAT.md, section CONF."""

    architecture: str
    name: str
    vocab: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    max_context: int
    rope_theta: float
    rms_eps: float
    tied_embeddings: bool
    bos: int | None = None
    eos: tuple[int, ...] = ()
    kv: KvType = "f16"

    @property
    def kv_bytes(self) -> int:
        """Bytes of the keys and values of one position in all layers, scales included."""
        head = self.head_dim * 2 if self.kv == "f16" else self.head_dim + 4
        return 2 * self.layers * self.kv_heads * head


@dataclass(frozen=True)
class Graph:
    """A model between two passes. Operations from ``head_begin`` on run only for tokens whose logits are wanted."""

    config: ModelConfig
    ops: tuple[Op, ...]
    values: dict[str, Value]
    weights: dict[str, Weight]
    head_begin: int
    arena_bytes: int | None = None
    chunk: int | None = None

    def with_ops(self, ops: tuple[Op, ...]) -> Graph:
        """Return the same graph with other operations."""
        return replace(self, ops=ops)
