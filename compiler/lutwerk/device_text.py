"""The tokeniser of a bundle as devices run it: section TEXT, executed by the C library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lutwerk._native import ffi, lib
from lutwerk.errors import BundleError
from lutwerk.native import status_error


class DeviceText:
    """An open section TEXT (runtime/include/lutwerk/text.h).

    Raises:
        BundleError: the section is damaged.
    """

    def __init__(self, section: bytes, where: str):
        self._where = where
        # Memory that cffi allocates is aligned for any type.
        self._section = ffi.new("char[]", section)
        self._text = ffi.new("lw_text *")
        self._check(lib.lw_text_open(self._section, len(section), self._text))
        info = ffi.new("lw_text_info *")
        lib.lw_text_get_info(self._text, info)
        self.tokens = int(info.tokens)
        self._piece_bytes = int(info.piece_bytes)

    @property
    def handle(self) -> Any:
        """The C tokeniser, for calls into the library."""
        return self._text

    def encode(self, text: bytes, *, special: bool = True, template: bool = True) -> list[int]:
        """Token ids of UTF-8 text; what is not UTF-8 counts as U+FFFD.

        Args:
            text: the text.
            special: special tokens spelled in the text are themselves, not text.
            template: add the tokens that the model wants around a prompt, such as bos.

        Raises:
            BundleError: the text is too long.
        """
        size = lib.lw_text_scratch_bytes(self._text, len(text))
        flags = (lib.LW_TEXT_SPECIAL if special else 0) | (lib.LW_TEXT_TEMPLATE if template else 0)
        if size >= 1 << 48:
            raise BundleError(
                f"{self._where}: a text of {len(text)} bytes is too long to encode; "
                "give it in parts"
            )
        scratch = ffi.new("uint64_t[]", size // 8 + 1)
        count = ffi.new("size_t *")
        capacity = 2 * len(text) + 64
        while True:
            ids = ffi.new("uint32_t[]", capacity)
            self._check(
                lib.lw_text_encode(
                    *(self._text, text, len(text), flags, scratch, size, ids, capacity, count)
                )
            )
            if count[0] <= capacity:
                return list(ffi.unpack(ids, count[0])) if count[0] else []
            capacity = count[0]

    def stream(self, *, continues: bool = False) -> DeviceStream:
        """A decoder; ``continues``: its text follows other text, so no leading space is dropped."""
        return DeviceStream(self._text, self._piece_bytes, continues)

    def decode(self, ids: Sequence[int], *, special: bool = False) -> str:
        """Text of token ids; without ``special``, special tokens have none."""
        stream = self.stream()
        return "".join([*(stream.feed(i, special=special) for i in ids), stream.finish()])

    def _check(self, code: int) -> None:
        if code != lib.LW_OK:
            raise status_error(self._where, code)


class DeviceStream:
    """Decode tokens as they come. Each piece is whole characters."""

    def __init__(self, text: Any, piece_bytes: int, continues: bool):
        self._text = text
        self._stream = ffi.new("lw_text_stream *")
        self._out = ffi.new("char[]", piece_bytes)
        lib.lw_text_start(text, self._stream, int(continues))

    def feed(self, token: int, *, special: bool = False) -> str:
        """Add a token. Returns the text that is now certain, often empty inside a character."""
        count = lib.lw_text_feed(self._text, self._stream, token, int(special), self._out)
        return bytes(ffi.buffer(self._out, count)).decode()

    def finish(self) -> str:
        """What is left at the end; bytes that never became a character show as U+FFFD."""
        count = lib.lw_text_finish(self._text, self._stream, self._out)
        return bytes(ffi.buffer(self._out, count)).decode()
