"""Texts by which two tokenisers are compared: scripts, symbols, spaces, broken UTF-8, and every token."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib import resources

from tokenizers import Tokenizer

_SEED = 20261122
_RANDOM_TEXTS = 400
#: Tokens of the vocabulary in one text.
_JOINED = 500
#: Where random characters come from: planes that scripts, symbols and emoji use.
_RANGES = (
    *((0x20, 0x7F), (0x20, 0x7F), (0x80, 0x250), (0x300, 0x370), (0x370, 0x600), (0x600, 0x1000)),
    *((0x1000, 0x2000), (0x2000, 0x2C00), (0x3000, 0x3400), (0x4E00, 0xA000), (0xAC00, 0xD7B0)),
    *((0xF900, 0x10000), (0x10000, 0x20000), (0x1F300, 0x1FB00), (0x20000, 0x110000)),
)
_SPACES = (
    "    \t\n\r\v\f\x1c\x1f\x85\xa0\u1680\u2000\u2003\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
)
#: What an editor would hide or change: composed and decomposed characters, joiners, controls.
_HIDDEN = (
    "\u00e9 e\u0301 \u1ef1 u\u031b\u0323 u\u0323\u031b \u01b0\u0323 \u212b A\u030a \u2126 \u212a",
    "\u1e0d\u0307 \u1e0b\u0323 d\u0323\u0307 d\u0307\u0323 \u0958 \u0915\u093c \ufb2c \u05e9\u05c1\u05bc",
    "\u1100\u1161\u11a8 \uac00\u11a8 \uac01 \uac00\u0302\u11a8 \u1fee \u0344 \u0390 \U0001d15f \u2adc",
    "a\u0315\u0300\u05ae\u0300\u0062 \u0f71\u0f72\u0f74 \u09c7\u09be \u0b47\u0b57 \U00011131\U00011127",
    "\u304b\u3099 \u306f\u309a \u0149 \u01c6 \ufb06 \u017f't 's'\u017f \u0130 i\u0307 \u1e9e",
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u202eabc\u202c\u200f\u061c \x00\x01\x1b[0m\x7f\x80\x9f",
    *(f"a{space}b{space}{space}c{space}\n{space}" for space in _SPACES),
)
_BROKEN = (
    *(
        b"\xff",
        b"a\x80b",
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xf0\x9f\x98\x80\x80",
        b"\xc0\xaf",
    ),
    *(
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x28\xa1",
        b"\xe2\x82\xe2\x82\xac",
        b" \xfe \xc3\xa9",
    ),
    b"\xf0\x90\x28\xbc \xf8\x88\x80\x80\x80",
)


def probe_texts(tokenizer: Tokenizer) -> Iterator[bytes]:
    """The texts, some of which are not UTF-8; the same ones for the same tokenizer."""
    shipped = resources.files("lutwerk").joinpath("probe.txt").read_text("utf-8")
    yield b""
    yield shipped.encode()
    yield from (line.encode() for line in shipped.splitlines(keepends=True))
    yield from (text.encode() for text in _HIDDEN)
    yield from _BROKEN
    source = random.Random(_SEED)
    for _ in range(_RANDOM_TEXTS):
        yield random_text(source, shipped)
    for added in tokenizer.get_added_tokens_decoder().values():
        for frame in ("{0}", "a{0}b", "a {0} b", " \n{0}\t ", "{0}{0}", "\u00e9{0}.", "{0} "):
            yield frame.format(added.content).encode()
    yield from _vocabulary_texts(tokenizer)


def random_text(source: random.Random, shipped: str) -> bytes:
    """Runs of spaces, digits, letters of random scripts, excerpts of ``shipped``, and random bytes."""
    pieces = []
    for _ in range(source.randrange(1, 12)):
        match source.randrange(6):
            case 0:
                pieces.append("".join(source.choices(_SPACES, k=source.randrange(1, 5))).encode())
            case 1:
                pieces.append(str(source.getrandbits(source.randrange(1, 60))).encode())
            case 2:
                begin = source.randrange(len(shipped))
                pieces.append(shipped[begin : begin + source.randrange(1, 20)].encode())
            case 3:
                pieces.append(source.randbytes(source.randrange(1, 6)))
            case _:
                low, high = source.choice(_RANGES)
                points = (source.randrange(low, high) for _ in range(source.randrange(1, 8)))
                pieces.append("".join(map(chr, points)).encode())
    return b"".join(pieces)


def _vocabulary_texts(tokenizer: Tokenizer) -> Iterator[bytes]:
    vocabulary = sorted(tokenizer.get_vocab())
    texts = [tokenizer.decoder.decode([token]) for token in vocabulary]
    for joint in ("", " "):
        for begin in range(0, len(texts), _JOINED):
            yield joint.join(texts[begin : begin + _JOINED]).encode()
