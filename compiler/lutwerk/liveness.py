"""Which values are alive when, and how much arena they take: shared by the memory plan and its verifier."""

from __future__ import annotations

from lutwerk.graph import LOGITS, Op, Value
from lutwerk.layouts import ALIGN
from lutwerk.model_file import q8_bytes, round_up

#: Operations that read element i before they write element i, so that dst may be a source.
IN_PLACE = frozenset({"add", "relu2_mul", "silu_mul", "rmsnorm"})


def value_bytes(value: Value, chunk: int) -> int:
    """Arena bytes of a value for ``chunk`` tokens."""
    if value.kind == "q8":
        return q8_bytes(value.width, chunk)
    return round_up(4 * chunk * value.width, ALIGN)


def lifetimes(ops: tuple[Op, ...]) -> dict[str, tuple[int, int]]:
    """First and last operation that touches each value."""
    spans: dict[str, tuple[int, int]] = {}
    for index, op in enumerate(ops):
        for view in (*op.srcs, *((op.dst,) if op.dst else ())):
            first, _ = spans.get(view.value, (index, index))
            spans[view.value] = (first, index)
    spans.pop(LOGITS, None)
    return spans
