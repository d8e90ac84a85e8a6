"""Text and tokens: the bundle's tokeniser, and streams that never cut a character.

Tokens of byte-level and byte-fallback vocabularies may end inside a UTF-8 character, and some
decoders treat the first piece of a text specially. Streaming therefore decodes a short window of
tokens and emits only what is certain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer

from lutwerk.errors import BundleError

#: What decoders put where bytes are not (yet) a character.
REPLACEMENT = "\ufffd"
#: Tokens of the prompt that the first decoded window includes, so that a leading space is kept.
_WINDOW = 5


class TextCodec:
    """The tokeniser stored in a bundle (section TOKN of runtime/FORMAT.md).

    Many tokenisers put bos before a text by themselves; ``add_bos`` is for those that do not.
    """

    def __init__(self, tokenizer: Tokenizer, bos: int | None, eos: Sequence[int], add_bos: bool):
        self._tokenizer = tokenizer
        self.bos = bos
        self.eos = frozenset(eos)
        self._add_bos = add_bos

    @classmethod
    def from_section(cls, section: bytes, where: str) -> TextCodec | None:
        """Read the section's bytes; None when it is empty. Raises BundleError when it is not valid."""
        if not section:
            return None
        try:
            data: dict[str, Any] = json.loads(section)
            tokenizer = Tokenizer.from_str(data["tokenizer"])
            # Some checkpoints store the lengths of their training batches here.
            tokenizer.no_truncation()
            tokenizer.no_padding()
            eos = [int(token) for token in data["eos"]]
            return cls(tokenizer, data["bos"], eos, bool(data["add_bos"]))
        # The tokenizers package reports every fault of its JSON as a bare Exception.
        except Exception as error:
            raise BundleError(
                f"{where}: section TOKN does not hold a tokeniser ({error}); "
                "compile the checkpoint again"
            ) from error

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, begun with bos where the model wants it.

        Raises:
            BundleError: the text is not Unicode, as when an argument of the shell is not UTF-8.
        """
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BundleError(
                f"the text is not valid Unicode at character {error.start}; give it in UTF-8"
            ) from error
        ids: list[int] = self._tokenizer.encode(text).ids
        if self._add_bos and self.bos is not None and ids[:1] != [self.bos]:
            ids.insert(0, self.bos)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids; special tokens have none, incomplete characters become U+FFFD."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))


class StreamDecoder:
    """Decode tokens as they come. The pieces joined are the text that follows ``prompt``."""

    def __init__(self, codec: TextCodec, prompt: Sequence[int] = ()):
        self._codec = codec
        self._ids = list(prompt)[-_WINDOW:]
        self._emitted = len(self._ids)

    def feed(self, token: int) -> str:
        """Add a token. Returns the text that is now certain, often empty inside a character."""
        self._ids.append(token)
        text = self._new_text()
        return "" if text.endswith(REPLACEMENT) else self._emit(text)

    def flush(self) -> str:
        """What is left at the end of the stream; bytes that never became a character show as U+FFFD."""
        return self._emit(self._new_text())

    def _new_text(self) -> str:
        before = self._codec.decode(self._ids[: self._emitted])
        text = self._codec.decode(self._ids)
        # A prompt may end inside a character, which the new tokens complete: the texts differ there.
        same = next(
            (i for i, pair in enumerate(zip(before, text, strict=False)) if pair[0] != pair[1]),
            None,
        )
        return text[len(before) if same is None else same :]

    def _emit(self, text: str) -> str:
        # Keep the tokens of this piece as the window in which the next one is decoded.
        if text:
            self._ids = self._ids[-_WINDOW:]
            self._emitted = len(self._ids)
        return text


class StopFilter:
    """Cut a stream before the first stop string, which may arrive in several pieces."""

    def __init__(self, stops: Sequence[str]):
        if not all(stops):
            raise ValueError("a stop string is empty; give at least one character")
        self._stops = tuple(stops)
        self._held = ""
        self.hit = False

    def feed(self, text: str) -> str:
        """Add text. Returns what cannot belong to a stop string any more; sets ``hit`` when one is complete."""
        self._held += text
        found = [i for i in map(self._held.find, self._stops) if i >= 0]
        if found:
            self.hit = True
            return self._release(min(found))
        return self._release(len(self._held) - self._partial())

    def flush(self) -> str:
        """What was held back at the end of the stream: nothing after a hit."""
        return "" if self.hit else self._release(len(self._held))

    def _partial(self) -> int:
        """Length of the longest end of the held text with which a stop string begins."""
        longest = max(map(len, self._stops), default=0)
        for size in range(min(longest - 1, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-size:]) for stop in self._stops):
                return size
        return 0

    def _release(self, size: int) -> str:
        text, self._held = self._held[:size], self._held[size:]
        return text
