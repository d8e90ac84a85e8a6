"""Section TEXT of ``model.lw``, as runtime/FORMAT.md specifies it byte by byte."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from lutwerk.errors import CompileError
from lutwerk.tokenizer.added import (
    ABSENT,
    BYTE,
    LSTRIP,
    RSTRIP,
    SINGLE_WORD,
    AddedToken,
    build_trie,
    read_added_tokens,
)
from lutwerk.tokenizer.decoder import Decoder, read_decoder
from lutwerk.tokenizer.nfc import nfc_tables
from lutwerk.tokenizer.refusal import Unsupported
from lutwerk.tokenizer.splits import read_splits
from lutwerk.tokenizer.steps import NFC, Step, growth, normalizer_steps
from lutwerk.tokenizer.template import read_template
from lutwerk.tokenizer.unicode import space_set, word_set
from lutwerk.tokenizer.vocabulary import NONE, Vocabulary, read_vocabulary

_BYTES, _CHARACTERS = 0, 1
_FUSE_UNK, _BYTE_FALLBACK, _STRIP_FIRST_TOKEN = 1, 2, 4
_BLOCK = 256
_MOST_STEPS, _MOST_STAGES, _MOST_GROWTH = 16, 8, 64

HEADER = np.dtype(
    [
        *((name, "<u4") for name in ("tokens", "alphabet", "flags", "unk", "bos", "growth")),
        *((name, "<u4") for name in ("strip", "word_map", "nfc_map", "prefix", "suffix", "eos")),
        *((name, "<u4") for name in ("piece_bytes", "characters", "words", "merges")),
        *((name, "<u4") for name in ("normalizer_steps", "split_steps", "step_bytes", "stages")),
        *((name, "<u4") for name in ("maps", "blocks", "cells", "decompositions", "decomposed")),
        *((name, "<u4") for name in ("compositions", "raw_nodes", "raw_edges")),
        *((name, "<u4") for name in ("normal_nodes", "normal_edges", "zero0", "zero1")),
    ]
)

Array = NDArray[Any]


def build_section(
    tokenizer_json: str, bos: int | None, eos: Sequence[int], where: str = "tokenizer.json"
) -> bytes:
    """The bytes of section TEXT.

    Args:
        tokenizer_json: The text of a tokenizer.json that the tokenizers library can load.
        bos: The id to put before an encoded prompt, or None when the tokenizer does so itself.
        eos: Ids that end a generated text.
        where: Name of the file, for errors.

    Raises:
        CompileError: A component has no exact form in the tables.
    """
    tokenizer = Tokenizer.from_str(tokenizer_json)
    try:
        # The library's own text has every field, whatever version wrote the file.
        return _section(tokenizer, json.loads(tokenizer.to_str()), bos, eos)
    except Unsupported as error:
        raise CompileError(
            f"{where}: {error}; add --no-device-tokenizer for a bundle whose tokeniser works "
            "in Python only"
        ) from None


def _section(
    tokenizer: Tokenizer, description: dict[str, Any], bos: int | None, eos: Sequence[int]
) -> bytes:
    splits = read_splits(description["pre_tokenizer"])
    normalizer = normalizer_steps(description["normalizer"])
    vocabulary = read_vocabulary(description["model"], splits.byte_level)
    added = read_added_tokens(description["added_tokens"], vocabulary.tokens)
    decoder = read_decoder(description["decoder"])
    prefix, suffix = read_template(description["post_processor"])
    if decoder.byte_level != splits.byte_level:
        raise Unsupported("'ByteLevel' is only one of pre_tokenizer and decoder; accepted: both")

    for part, count, most in (
        ("normalizer", len(normalizer), _MOST_STEPS),
        ("pre_tokenizer", len(splits.stages), _MOST_STAGES),
        ("normalizer: growth of a text", growth(normalizer + splits.steps), _MOST_GROWTH),
    ):
        if count > most:
            raise Unsupported(f"{part}: {count} is too much; accepted: at most {most}")

    tables = _Tables(tokens=max([*vocabulary.tokens, *(t.id for t in added)]) + 1)
    tables.header["bos"] = NONE if bos is None else bos
    tables.header["growth"] = growth(normalizer + splits.steps)
    tables.header["alphabet"] = _BYTES if splits.byte_level else _CHARACTERS
    for name, ids in (("prefix", prefix), ("suffix", suffix), ("eos", list(eos))):
        tables.add(np.array(ids, "<u4"), name)
    # The library's text of a token: some versions normalise those of added tokens.
    texts = {i: str(tokenizer.id_to_token(i)) for i in (*vocabulary.tokens, *(t.id for t in added))}
    _add_pieces(tables, texts, added, decoder)
    _add_model(tables, vocabulary)
    _add_steps(tables, normalizer, splits.steps)
    maps = [stage.automaton.classes for stage in splits.stages]
    tables.header["word_map"] = tables.header["nfc_map"] = NONE
    if any(t.flags & (SINGLE_WORD | LSTRIP | RSTRIP) for t in added):
        tables.header["word_map"] = len(maps)
        maps.append((word_set() + 2 * space_set()).astype(np.uint8))
    uses_nfc = any(step.kind == NFC for step in normalizer)
    if uses_nfc:
        tables.header["nfc_map"] = len(maps)
        maps.append(nfc_tables().classes)
    tables.add(
        np.array([[*s.automaton.cells.shape, s.keep] for s in splits.stages], "<u4"), "stages", 3
    )
    _add_maps(tables, maps)
    cells = [stage.automaton.cells.reshape(-1) for stage in splits.stages]
    tables.add(np.concatenate([np.zeros(0, "<u2"), *cells]).astype("<u2"), "cells")
    _add_nfc(tables, uses_nfc)
    _add_tries(tables, tokenizer, added)
    return tables.to_bytes()


class _Tables:
    """The header and the tables that follow it, each at the next multiple of four bytes."""

    def __init__(self, tokens: int):
        self.header = np.zeros(1, HEADER)[0]
        self.header["tokens"] = tokens
        self._parts: list[bytes] = []

    @property
    def tokens(self) -> int:
        return int(self.header["tokens"])

    def add(self, array: Array, count: str | None = None, columns: int = 1) -> None:
        """Append a table; its rows, of ``columns`` elements, are counted in a field of the header."""
        if count:
            self.header[count] = array.size // columns
        content = array.tobytes()
        self._parts.append(content + bytes(-len(content) % 4))

    def to_bytes(self) -> bytes:
        return b"".join([self.header.tobytes(), *self._parts])


def _add_pieces(
    tables: _Tables, texts: dict[int, str], added: list[AddedToken], decoder: Decoder
) -> None:
    flags = np.full(tables.tokens, ABSENT, np.uint8)
    pieces = [b""] * tables.tokens
    for i, text in texts.items():
        pieces[i], is_byte = decoder.piece(text)
        flags[i] = BYTE if is_byte else 0
    for token in added:
        flags[token.id] |= token.flags
    tables.header["flags"] |= _BYTE_FALLBACK if decoder.byte_fallback else 0
    tables.header["flags"] |= _STRIP_FIRST_TOKEN if decoder.strip_first_token else 0
    tables.header["strip"] = decoder.strip
    tables.add(flags)
    tables.add(np.cumsum([0, *map(len, pieces)]).astype("<u4"))
    tables.add(np.frombuffer(b"".join(pieces), np.uint8), "piece_bytes")


def _add_model(tables: _Tables, vocabulary: Vocabulary) -> None:
    tables.header["unk"] = vocabulary.unk
    tables.header["flags"] |= _FUSE_UNK if vocabulary.fuse_unk else 0
    tables.add(vocabulary.bytes)
    tables.add(vocabulary.characters.T.copy())
    tables.header["characters"] = len(vocabulary.characters)
    tables.add(vocabulary.words, "words")
    left, right, rank = vocabulary.merges.T.astype("<u4")
    tables.add(np.searchsorted(left, np.arange(tables.tokens + 1)).astype("<u4"))
    tables.add(right.copy(), "merges")
    tables.add(rank.copy())
    tables.add(vocabulary.results)


def _add_steps(tables: _Tables, normalizer: list[Step], split: list[Step]) -> None:
    rows, texts = [], b""
    for step in (*normalizer, *split):
        source, to = step.source.encode(), step.to.encode()
        rows.append([step.kind, len(source), len(to)])
        texts += source + to
    tables.header["normalizer_steps"], tables.header["split_steps"] = len(normalizer), len(split)
    tables.add(np.array(rows, "<u4"))
    tables.add(np.frombuffer(texts, np.uint8), "step_bytes")


def _add_maps(tables: _Tables, maps: list[NDArray[np.uint8]]) -> None:
    """Code points in blocks of 256; equal blocks are stored once."""
    stacked = np.concatenate([np.zeros(0, np.uint8), *maps]).reshape(-1, _BLOCK)
    blocks, index = np.unique(stacked, axis=0, return_inverse=True)
    tables.header["maps"] = len(maps)
    tables.add(index.astype("<u2"))
    tables.add(blocks, "blocks", _BLOCK)


def _add_nfc(tables: _Tables, used: bool) -> None:
    decompositions = sorted(nfc_tables().decompositions.items()) if used else []
    compositions = sorted(nfc_tables().compositions.items()) if used else []
    tables.add(np.array([c for c, _ in decompositions], "<u4"), "decompositions")
    tables.add(np.cumsum([0, *(len(parts) for _, parts in decompositions)]).astype("<u4"))
    tables.add(np.array([c for _, parts in decompositions for c in parts], "<u4"), "decomposed")
    rows = [[*pair, composite] for pair, composite in compositions]
    tables.add(np.array(rows, "<u4"), "compositions", 3)


def _add_tries(tables: _Tables, tokenizer: Tokenizer, added: list[AddedToken]) -> None:
    normalize = tokenizer.normalizer.normalize_str if tokenizer.normalizer else str
    raw = [(t.content.encode(), t.id) for t in added if not t.normalized]
    normal = [(normalize(t.content).encode(), t.id) for t in added if t.normalized]
    for name, patterns in (("raw", raw), ("normal", normal)):
        trie = build_trie(patterns)
        tables.add(trie.begins)
        tables.add(trie.tokens, f"{name}_nodes")
        tables.add(trie.targets, f"{name}_edges")
        tables.add(trie.labels)
