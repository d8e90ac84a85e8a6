"""What the C library tells about a model and a session, as plain records."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from operator import add, sub


@dataclass(frozen=True)
class ModelInfo:
    """Constants of a model; runtime/FORMAT.md, section CONF, gives the ranges."""

    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    max_context: int
    chunk: int
    isa: int
    tensors: int
    ops: int
    bos: int | None
    weight_bytes: int
    arena_bytes: int
    kv_bytes_per_token: int


@dataclass(frozen=True)
class TensorInfo:
    """One stored tensor; ``bytes`` counts codes and scales, padding included."""

    name: str
    rows: int
    cols: int
    format: str
    layout: str
    bytes: int

    @property
    def bits_per_weight(self) -> float:
        """Stored bits for each weight, with scales and padding."""
        return 8 * self.bytes / (self.rows * self.cols)


@dataclass(frozen=True)
class HeadStats:
    """What the two-stage head did (lw_head_stats); counts of rows are sums over tokens.

    Attributes:
        tokens: tokens that ``Session.eval_top`` answered.
        full: of these, tokens whose logits the full head gave.
        survivors: rows whose low bits were read.
        candidates: rows computed exactly.
    """

    tokens: int = 0
    full: int = 0
    survivors: int = 0
    candidates: int = 0

    def __add__(self, other: HeadStats) -> HeadStats:
        return HeadStats(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: HeadStats) -> HeadStats:
        return HeadStats(*map(sub, astuple(self), astuple(other)))


@dataclass(frozen=True)
class Profile:
    """What the thread that calls ``Session.eval`` and ``Session.eval_top`` spent its time on there (lw_profile).

    By the names of operations in ops.def (``matmul`` with all stages of a two-stage head), ``tables`` (lookup tables
    of products), ``waiting`` (for other threads) and ``redone`` (shares of products that another thread was late with).

    Attributes:
        seconds: together almost all of the calls'.
        counts: how often, for one thread: token-wise operations per token, others per chunk.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ChatInfo:
    """What a caller must know of a chat template (lw_chat_info).

    Attributes:
        system: a conversation may begin with a system message.
        appends: later messages leave the text before them as it is.
        end: id that ends an answer, besides those of the tokeniser.
        stop: text that ends an answer and is not part of it; empty: none.
    """

    system: bool
    appends: bool
    end: int | None
    stop: str
