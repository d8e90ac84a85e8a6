"""Tables of Normalization Form C, made from what the library's own normalisers do.

The algorithm is that of Unicode Standard Annex 15; Hangul syllables follow from arithmetic (The Unicode
Standard, section 3.12) and are not in the tables.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tokenizers import normalizers

from lutwerk.tokenizer.refusal import Unsupported
from lutwerk.tokenizer.unicode import CODE_POINTS, probed_code_points, to_code_points

_SYLLABLES = range(0xAC00, 0xAC00 + 11172)
_SECOND_JAMO = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))
#: Classes: text before a code point of class 0 is settled; class 1 is a starter that is not; above
#: it, canonical combining classes in ascending order.
SETTLED, STARTER = 0, 1


@dataclass(frozen=True)
class NfcTables:
    """What the algorithm looks up.

    Attributes:
        classes: uint8 ``[0x110000]``.
        decompositions: Code point -> its full canonical decomposition.
        compositions: (first, second) -> primary composite.
    """

    classes: NDArray[np.uint8]
    decompositions: dict[int, list[int]]
    compositions: dict[tuple[int, int], int]


@cache
def nfc_tables() -> NfcTables:
    """The tables. Raises Unsupported when Python's Unicode is older than the library's."""
    decomposed = _changed_by(normalizers.NFD())
    decompositions = {
        code_point: to_code_points(text).tolist()
        for code_point, text in decomposed.items()
        if code_point not in _SYLLABLES
    }
    recomposed = _changed_by(normalizers.NFC())
    compositions = {}
    for code_point in decompositions:
        pair = unicodedata.decomposition(chr(code_point)).split()
        if code_point not in recomposed:
            if len(pair) != 2:
                raise _too_old(code_point)
            compositions[int(pair[0], 16), int(pair[1], 16)] = code_point
    ranks = _combining_ranks(decomposed)
    seconds = {second for _, second in compositions} | set(_SECOND_JAMO)
    classes = np.zeros(CODE_POINTS, np.uint8)
    classes[list(seconds | set(recomposed))] = STARTER
    for code_point, parts in decompositions.items():
        if parts[0] in seconds or parts[0] in ranks:
            classes[code_point] = STARTER
    for code_point, rank in ranks.items():
        classes[code_point] = STARTER + rank
    return NfcTables(classes, decompositions, compositions)


def _changed_by(
    normalizer: normalizers.Normalizer, before: str = "", after: str = ""
) -> dict[int, str]:
    """Code points that the normaliser changes between two texts, and what each of these lines becomes."""
    # A line feed neither decomposes nor composes.
    code_points = [int(c) for c in probed_code_points() if c != ord("\n")]
    lines = [f"{before}{chr(c)}{after}" for c in code_points]
    normal = normalizer.normalize_str("\n".join(lines)).split("\n")
    return {c: new for c, old, new in zip(code_points, lines, normal, strict=True) if new != old}


def _combining_ranks(decomposed: Collection[int]) -> dict[int, int]:
    """Code points with a canonical combining class other than 0, and its rank among those in use."""
    # What combines moves past a mark of another class: U+0334 has the lowest in use, 1, and U+0345
    # the highest, 240.
    moves = {
        *_changed_by(normalizers.NFD(), before="a\u0345"),
        *_changed_by(normalizers.NFD(), before="a", after="\u0334"),
    }
    classes = {c: unicodedata.combining(chr(c)) for c in moves - set(decomposed)}
    unknown = [c for c, combining in classes.items() if not combining]
    if unknown:
        raise _too_old(unknown[0])
    ranks = {combining: i for i, combining in enumerate(sorted(set(classes.values())), 1)}
    return {c: ranks[combining] for c, combining in classes.items()}


def _too_old(code_point: int) -> Unsupported:
    return Unsupported(
        f"normalizer 'NFC' composes U+{code_point:04X}, which this Python "
        f"(Unicode {unicodedata.unidata_version}) does not know; use a newer Python"
    )
