"""What the tokenizers library thinks of each code point, asked of the library itself.

Its regular expressions, its own character tests and Python's ``unicodedata`` follow different
versions of Unicode. Tables that are to agree with the library are therefore made by probing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

CODE_POINTS = 0x110000
#: No version of Unicode has assigned a character here (planes 4 to 13), or ever will (15 and 16,
#: for private use): each range behaves alike, and its first code point stands for the rest.
_VACANT = (range(0x40000, 0xE0000), range(0xF0000, CODE_POINTS))
VACANT_FROM = 0x40000
_SURROGATES = range(0xD800, 0xE000)

Set = NDArray[np.bool_]
CodePoints = NDArray[np.uint32]


def to_text(code_points: NDArray[np.integer]) -> str:
    """Code points, none of them a surrogate, as a text."""
    return code_points.astype("<u4").tobytes().decode("utf-32-le")


def to_code_points(text: str) -> CodePoints:
    """A text as code points."""
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


@cache
def probed_code_points() -> CodePoints:
    """Every code point that a text can have, but of a vacant range only the first; ascending."""
    skipped = [np.arange(r.start + 1, r.stop) for r in _VACANT]
    return np.delete(np.arange(CODE_POINTS, dtype=np.uint32), np.r_[_SURROGATES, *skipped])


def _spread(members: Set) -> Set:
    for vacant in _VACANT:
        members[vacant.start : vacant.stop] = members[vacant.start]
    return members


def literal_set(characters: str) -> Set:
    """The set of the characters of a text."""
    members = np.zeros(CODE_POINTS, np.bool_)
    members[[ord(c) for c in characters]] = True
    return members


@cache
def expression_set(source: str) -> Set:
    """Code points that an expression for one character, such as ``[^0-9]``, matches.

    ``source`` names no code point from VACANT_FROM on.
    """
    without = normalizers.Replace(Regex(f"(?:{source})+"), "")
    members = literal_set("")
    probed = probed_code_points()
    members[probed] = True
    members[to_code_points(without.normalize_str(to_text(probed)))] = False
    return _spread(members)


@cache
def digit_set() -> Set:
    """Code points that the pre-tokeniser ``Digits`` isolates."""
    probed = probed_code_points()
    pieces = pre_tokenizers.Digits(individual_digits=False).pre_tokenize_str(to_text(probed))
    members = literal_set("")
    # Runs of digits and of others take turns, and U+0000 is no digit.
    for piece, _ in pieces[1::2]:
        members[to_code_points(piece)] = True
    return _spread(members)


@cache
def word_set() -> Set:
    """Code points beside which a ``single_word`` added token is not one."""
    members = literal_set("")
    members[[c for c, length in _added_token_matches(single_word=True) if not length]] = True
    return _spread(members)


@cache
def space_set() -> Set:
    """Code points that ``lstrip`` and ``rstrip`` added tokens take along."""
    members = literal_set("")
    members[[c for c, length in _added_token_matches(rstrip=True) if length == 2]] = True
    return _spread(members)


def _added_token_matches(**flags: bool) -> Iterator[tuple[int, int]]:
    """Each code point, and how long an added token "X" is in front of it; 0: it does not match."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.add_tokens([AddedToken("X", normalized=False, **flags)])
    # "-" ends the space that a token takes, and is no part of a word.
    for part in np.array_split(probed_code_points(), 16):
        encoded = tokenizer.encode("".join(f"-X{chr(c)}" for c in part))
        lengths = {begin // 3: end - begin for begin, end in encoded.offsets}
        yield from ((int(c), lengths.get(i, 0)) for i, c in enumerate(part))
