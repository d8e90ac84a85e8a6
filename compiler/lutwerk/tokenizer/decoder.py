"""Decoders: what bytes each token stands for in a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from tokenizers import pre_tokenizers

from lutwerk.tokenizer.refusal import Unsupported, accepted

_BYTE_TOKEN = re.compile("<0x([0-9A-Fa-f]{2})>")
_KNOWN = (
    "ByteLevel, Metaspace, or a Sequence of Replace, ByteFallback, Fuse and Strip in this order"
)


@dataclass(frozen=True)
class Decoder:
    """How token texts become bytes.

    Attributes:
        byte_level: Characters stand for bytes, as ``ByteLevel`` maps them.
        replacements: (text, its replacement) pairs, in order, in each token.
        byte_fallback: Tokens such as ``<0x0A>`` are bytes.
        strip: Spaces that the beginning of a text loses at most.
        strip_first_token: The first token of a text loses all its spaces.
    """

    byte_level: bool = False
    replacements: tuple[tuple[str, str], ...] = ()
    byte_fallback: bool = False
    strip: int = 0
    strip_first_token: bool = False

    def piece(self, token: str) -> tuple[bytes, bool]:
        """The bytes of a token, and whether it is one byte that need not be a character."""
        if self.byte_level:
            return byte_level_bytes(token) or token.encode(), False
        for source, to in self.replacements:
            token = token.replace(source, to)
        found = _BYTE_TOKEN.fullmatch(token) if self.byte_fallback else None
        return (bytes.fromhex(found[1]), True) if found else (token.encode(), False)


@cache
def byte_alphabet() -> dict[str, int]:
    """Character -> byte of ``ByteLevel``: printable Latin-1 is itself, the others follow U+0100 in order."""
    characters = set(pre_tokenizers.ByteLevel.alphabet())
    alphabet = {c: ord(c) for c in characters if ord(c) < 256}
    moved = sorted(c for c in characters if ord(c) >= 256)
    free = (b for b in range(256) if b not in alphabet.values())
    return alphabet | dict(zip(moved, list(free), strict=True))


def byte_level_bytes(token: str) -> bytes | None:
    """The bytes that a token of a byte-level vocabulary spells; None when it holds another character."""
    alphabet = byte_alphabet()
    if not all(c in alphabet for c in token):
        return None
    return bytes(alphabet[c] for c in token)


def read_decoder(decoder: dict[str, Any] | None) -> Decoder:
    """The rules of a ``decoder``. Raises Unsupported."""
    parts = _flat(decoder)
    match parts:
        case [{"type": "ByteLevel"}]:
            return Decoder(byte_level=True)
        case [{"type": "Metaspace", "replacement": str(mark), "prepend_scheme": str(scheme)}]:
            return Decoder(replacements=((mark, " "),), strip_first_token=scheme != "never")
    replacements = []
    while parts and parts[0]["type"] == "Replace":
        pattern = parts[0]["pattern"]
        if not pattern.get("String"):
            raise Unsupported("decoder 'Replace' has a regular expression; accepted: a text")
        replacements.append((pattern["String"], parts[0]["content"]))
        parts = parts[1:]
    types = [part["type"] for part in parts]
    if not types or types not in (
        ["Fuse"],
        ["ByteFallback", "Fuse"],
        ["Fuse", "Strip"],
        ["ByteFallback", "Fuse", "Strip"],
    ):
        raise accepted("decoder", types[0] if types else decoder, _KNOWN)
    strip = 0
    if types[-1] == "Strip":
        strip = parts[-1]["start"]
        if parts[-1]["content"] != " " or parts[-1]["stop"] != 0 or not 0 <= strip < 256:
            raise accepted("decoder: 'Strip'", parts[-1], "spaces at the start")
    return Decoder(
        replacements=tuple(replacements), byte_fallback="ByteFallback" in types, strip=strip
    )


def _flat(decoder: dict[str, Any] | None) -> list[dict[str, Any]]:
    if decoder is None:
        raise accepted("decoder", decoder, _KNOWN)
    if decoder["type"] != "Sequence":
        return [decoder]
    return [flat for part in decoder["decoders"] for flat in _flat(part)]
