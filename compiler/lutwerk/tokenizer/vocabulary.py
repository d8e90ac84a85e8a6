"""The BPE model of a tokenizer.json: tokens, merges, and the lookups that encoding needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwerk.tokenizer.decoder import byte_alphabet, byte_level_bytes
from lutwerk.tokenizer.refusal import Unsupported, accepted

NONE = 0xFFFFFFFF

U32 = NDArray[np.uint32]


@dataclass(frozen=True)
class Vocabulary:
    """Tables of the model.

    Attributes:
        tokens: Text of each id that the model knows.
        unk: Id for what the vocabulary lacks, or NONE: it is left out.
        fuse_unk: Consecutive unknown characters are one token.
        bytes: uint32 ``[256]``: ids of single bytes, or NONE; with ``characters`` the fallback.
        characters: uint32 ``[n, 2]``: code points, ascending, and their ids.
        words: uint32 ``[power of two]``: open-addressed by FNV-1a of the word, ids or NONE; words
            in it are tokens as they are. Empty unless the model ignores merges for them.
        merges: uint32 ``[n, 3]``: left id, right id, rank; ascending.
        results: uint32 ``[n]``: what the merge of each rank gives.
    """

    tokens: dict[int, str]
    unk: int
    fuse_unk: bool
    bytes: U32
    characters: U32
    words: U32
    merges: U32
    results: U32


def read_vocabulary(model: dict[str, Any], byte_level: bool) -> Vocabulary:
    """The tables of a ``model``. Raises Unsupported."""
    if model["type"] != "BPE":
        raise accepted("model", model["type"], "BPE")
    for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(name):
            raise accepted(f"model: {name}", model[name], "null")
    ids: dict[str, int] = model["vocab"]
    tokens = {i: token for token, i in ids.items()}
    if len(tokens) != len(ids):
        raise Unsupported("model: vocab gives one id to two tokens; accepted: one each")
    ignore_merges = model.get("ignore_merges", False)
    if ignore_merges and not byte_level:
        raise Unsupported("model: ignore_merges without 'ByteLevel'; accepted: with it")
    merges, results = _merges(model["merges"], ids)
    return Vocabulary(
        tokens=tokens,
        unk=_unknown(model, ids),
        fuse_unk=bool(model["fuse_unk"]),
        bytes=_byte_ids(model, ids, byte_level),
        characters=_characters({} if byte_level else ids),
        words=_words(ids) if ignore_merges else np.zeros(0, np.uint32),
        merges=merges,
        results=results,
    )


def _unknown(model: dict[str, Any], ids: dict[str, int]) -> int:
    unk = model["unk_token"]
    if unk is None:
        return NONE
    if unk not in ids:
        raise Unsupported(f"model: unk_token {unk!r} is not in vocab; accepted: a token of it")
    return ids[unk]


def _byte_ids(model: dict[str, Any], ids: dict[str, int], byte_level: bool) -> U32:
    table = np.full(256, NONE, np.uint32)
    if byte_level:
        if model["byte_fallback"]:
            raise Unsupported("model: byte_fallback with 'ByteLevel'; accepted: one of the two")
        for character, byte in byte_alphabet().items():
            table[byte] = ids.get(character, NONE)
    elif model["byte_fallback"]:
        table[:] = [ids.get(f"<0x{byte:02X}>", NONE) for byte in range(256)]
        if np.any(table == NONE):
            missing = int(np.flatnonzero(table == NONE)[0])
            raise Unsupported(
                f"model: byte_fallback without the token <0x{missing:02X}>; accepted: all 256"
            )
    return table


def _characters(ids: dict[str, int]) -> U32:
    pairs = sorted((ord(token), i) for token, i in ids.items() if len(token) == 1)
    return np.array(pairs, np.uint32).reshape(-1, 2)


def _merges(merges: list[Any], ids: dict[str, int]) -> tuple[U32, U32]:
    """Later merges of the same pair replace earlier ones; ranks are made dense, which keeps their order."""
    ranked: dict[tuple[int, int], tuple[int, int]] = {}
    for rank, merge in enumerate(merges):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        ranked[ids[left], ids[right]] = (rank, ids[left + right])
    by_rank = sorted(ranked.items(), key=lambda item: item[1][0])
    rows = [(left, right, rank) for rank, ((left, right), _) in enumerate(by_rank)]
    results = [result for _, (_, result) in by_rank]
    return np.array(sorted(rows), np.uint32).reshape(-1, 3), np.array(results, np.uint32)


def _words(ids: dict[str, int]) -> U32:
    """At most half of the slots are taken, so that a search ends soon."""
    spelled = ((byte_level_bytes(token), i) for token, i in ids.items())
    words = [(word, i) for word, i in spelled if word]
    slots = 1 << (2 * len(words)).bit_length()
    table = np.full(slots, NONE, np.uint32)
    for word, i in words:
        at = fnv1a(word) % slots
        while table[at] != NONE:
            at = (at + 1) % slots
        table[at] = i
    return table


def fnv1a(data: bytes) -> int:
    """The 32-bit hash of Fowler, Noll and Vo, variant 1a."""
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value
