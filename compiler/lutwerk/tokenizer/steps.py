"""Normalisers, and what pre-tokenisers do to a text before they cut it: a list of rewriting steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lutwerk.tokenizer.refusal import Unsupported, accepted

#: Kinds of steps, as section TEXT numbers them.
PREPEND, REPLACE, NFC, PREFIX, PREFIX_FIRST = range(5)
#: A byte that is no UTF-8 becomes U+FFFD, and NFC makes no text more than three times as long
#: (Unicode Technical Report 15, section 13).
_LEAST_GROWTH = 3


@dataclass(frozen=True)
class Step:
    """One rewriting of a text that is not empty.

    PREPEND puts ``to`` in front; PREFIX does so unless the text begins with it, PREFIX_FIRST only at
    the beginning of the whole text; REPLACE puts ``to`` for each ``source``; NFC normalises.
    """

    kind: int
    source: str = ""
    to: str = ""


def normalizer_steps(normalizer: dict[str, Any] | None) -> list[Step]:
    """The steps of a ``normalizer``. Raises Unsupported."""
    match normalizer:
        case None:
            return []
        case {"type": "Sequence", "normalizers": list(parts)}:
            return [step for part in parts for step in normalizer_steps(part)]
        case {"type": "NFC"}:
            return [Step(NFC)]
        case {"type": "Prepend", "prepend": str(text)} if text:
            return [Step(PREPEND, to=text)]
        case {"type": "Replace", "pattern": {"String": str(source)}, "content": str(to)} if source:
            return [Step(REPLACE, source, to)]
        case {"type": "Replace"}:
            raise Unsupported("normalizer 'Replace' has a regular expression; accepted: a text")
        case {"type": kind}:
            raise accepted("normalizer", kind, "NFC, Prepend, Replace and Sequence of them")
    raise accepted("normalizer", normalizer, "an object with a type")


def growth(steps: list[Step]) -> int:
    """Bytes that one byte of a text can become at most, the text in front left out."""
    factor = _LEAST_GROWTH
    replaced = False
    for step in steps:
        if step.kind != REPLACE:
            continue
        source, to = len(step.source.encode()), len(step.to.encode())
        # A character of one byte stands for at least one byte of the original text.
        if source == 1 and not replaced:
            factor = max(factor, to)
        else:
            factor *= max(1, -(-to // source))
        replaced = True
    return factor
