"""Before a bundle is written, its device tokeniser must give what the tokenizers library gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer

from lutwerk.device_text import DeviceText
from lutwerk.errors import CompileError
from lutwerk.text_probes import probe_texts

_SHOWN = 8


def check_device_text(section: bytes, tokenizer_json: str, bos: int | None, where: str) -> None:
    """Compare the C tokeniser with the tokenizers library on text of many scripts and all its tokens.

    Args:
        section: Section TEXT.
        tokenizer_json: What it was made from.
        bos: The id that goes before every prompt, if the tokenizer does not put it there itself.
        where: Name of the file, for errors.

    Raises:
        CompileError: They differ; the message quotes the text.
    """
    device = DeviceText(section, where)
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for text in probe_texts(tokenizer):
        for special in (False, True):
            expected = library_encode(tokenizer, text, bos, special=special)
            found = device.encode(text, special=special)
            if found != expected:
                raise _difference(where, "encoded", text, found, expected)
        decoded = tokenizer.decode(expected)
        if device.decode(expected) != decoded:
            raise _difference(where, "decoded", expected, device.decode(expected), decoded)
    for token in range(device.tokens):
        one, same = device.decode([token], special=True), tokenizer.decode([token], False)
        if one != same:
            raise _difference(where, "decoded", [token], one, same)


def library_encode(
    tokenizer: Tokenizer, text: bytes, bos: int | None, *, special: bool
) -> list[int]:
    """What the library gives for bytes, with its template, and with ``bos`` where that is to be first."""
    tokenizer.encode_special_tokens = not special
    ids: list[int] = tokenizer.encode(text.decode("utf-8", "replace")).ids
    return ids if bos is None or ids[:1] == [bos] else [bos, *ids]


def _difference(
    where: str, what: str, subject: Any, found: Sequence[Any], expected: Sequence[Any]
) -> CompileError:
    pairs = enumerate(zip(found, expected, strict=False))
    at = next((i for i, pair in pairs if pair[0] != pair[1]), min(len(found), len(expected)))
    begin = max(0, at - 2)
    return CompileError(
        f"{where}: {subject!r:.200} is {what} otherwise on a device "
        f"({found[begin : at + _SHOWN]!r}) than by the tokenizers library "
        f"({expected[begin : at + _SHOWN]!r}, from position {begin}); please report it, and add "
        "--no-device-tokenizer for a bundle whose tokeniser works in Python only"
    )
