"""Added tokens: what of a text is a token before any rule of the model applies, and tries that find it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwerk.tokenizer.refusal import Unsupported
from lutwerk.tokenizer.vocabulary import NONE

#: Flags of a token, as section TEXT has them.
SPECIAL, SINGLE_WORD, LSTRIP, RSTRIP, BYTE, ABSENT = 1, 2, 4, 8, 16, 32
_FLAGS = {"special": SPECIAL, "single_word": SINGLE_WORD, "lstrip": LSTRIP, "rstrip": RSTRIP}


@dataclass(frozen=True)
class AddedToken:
    """One of ``added_tokens``: it is looked for in the text as given, or in the normalised text."""

    id: int
    content: str
    flags: int
    normalized: bool


@dataclass(frozen=True)
class Trie:
    """Patterns by their bytes. Node 0 is the root; children have greater numbers than their parents.

    Attributes:
        begins: uint32 ``[nodes + 1]``: edges of node n are ``begins[n]`` to ``begins[n + 1]``.
        tokens: uint32 ``[nodes]``: id of the pattern that ends here, or NONE.
        targets: uint32 ``[edges]``: where an edge leads.
        labels: uint8 ``[edges]``: its byte, ascending within a node.
    """

    begins: NDArray[np.uint32]
    tokens: NDArray[np.uint32]
    targets: NDArray[np.uint32]
    labels: NDArray[np.uint8]


def read_added_tokens(rows: Sequence[dict[str, Any]], vocab: dict[int, str]) -> list[AddedToken]:
    """The tokens of ``added_tokens``. Raises Unsupported when one contradicts the vocabulary."""
    tokens = []
    for row in rows:
        content, i = row["content"], row["id"]
        if vocab.get(i, content) != content:
            raise Unsupported(
                f"added_tokens: {content!r} has the id {i} of another token, {vocab[i]!r}; "
                "accepted: an id of its own"
            )
        if content:
            flags = sum(bit for name, bit in _FLAGS.items() if row[name])
            tokens.append(AddedToken(i, content, flags, row["normalized"]))
    return tokens


def build_trie(patterns: Sequence[tuple[bytes, int]]) -> Trie:
    """A trie of (pattern, id) pairs. Raises Unsupported when two patterns are equal."""
    if len({pattern for pattern, _ in patterns}) != len(patterns):
        raise Unsupported("added_tokens: two of them are equal when normalised; accepted: distinct")
    children: list[dict[int, int]] = [{}]
    ends: dict[int, int] = {}
    for pattern, token in patterns:
        node = 0
        for byte in pattern:
            if byte not in children[node]:
                children[node][byte] = len(children)
                children.append({})
            node = children[node][byte]
        ends[node] = token
    begins = np.cumsum([0, *map(len, children)])
    edges = [edge for node in children for edge in sorted(node.items())]
    return Trie(
        begins.astype(np.uint32),
        np.array([ends.get(node, NONE) for node in range(len(children))], np.uint32),
        np.array([target for _, target in edges], np.uint32),
        np.array([label for label, _ in edges], np.uint8),
    )
