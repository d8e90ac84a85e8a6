"""The chat template of a bundle as devices run it: section CHAT, executed by the C library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lutwerk._native import ffi, lib
from lutwerk.device_text import DeviceText
from lutwerk.errors import BundleError
from lutwerk.native import status_error
from lutwerk.native_types import ChatInfo

#: A role and a text, as chat interfaces have them.
Message = Mapping[str, str]

_ROLES = {"system": "LW_CHAT_SYSTEM", "user": "LW_CHAT_USER", "assistant": "LW_CHAT_ANSWER"}


class DeviceChat:
    """An open section CHAT (runtime/include/lutwerk/chat.h).

    Raises:
        BundleError: the section is damaged.
    """

    def __init__(self, section: bytes, text: DeviceText, where: str):
        self._where = where
        self._section = ffi.new("char[]", section)
        # The tables of the tokeniser must outlive the template.
        self._tokeniser = text
        self._chat = ffi.new("lw_chat *")
        self._check(lib.lw_chat_open(self._section, len(section), text.handle, self._chat))
        info = ffi.new("lw_chat_info *")
        lib.lw_chat_get_info(self._chat, info)
        self.info = ChatInfo(
            system=bool(info.system),
            appends=bool(info.appends),
            end=None if info.end == 0xFFFFFFFF else int(info.end),
            stop=ffi.unpack(info.stop, info.stop_bytes).decode() if info.stop_bytes else "",
        )

    def render(self, messages: Sequence[Message], first: int = 0) -> str:
        """The text of a conversation up to where the answer begins; without messages before ``first``.

        Raises:
            BundleError: the template cannot carry the conversation.
        """
        array, count, _texts = self._messages(messages)
        capacity = self._size(lib.lw_chat_text_bytes(self._chat, array, count))
        out, size = ffi.new("char[]", capacity), ffi.new("size_t *")
        self._check(lib.lw_chat_render(self._chat, array, count, first, out, capacity, size))
        return bytes(ffi.buffer(out, size[0])).decode()

    def encode(self, messages: Sequence[Message], first: int = 0) -> list[int]:
        """Token ids of a conversation up to where the answer begins.

        Args:
            messages: the conversation: an optional system message, then users and the model in
                turns.
            first: where ``info.appends``, the messages before this one are in the context already.

        Raises:
            BundleError: the template cannot carry the conversation.
        """
        array, count, _texts = self._messages(messages)
        size = self._size(lib.lw_chat_scratch_bytes(self._chat, array, count))
        scratch, id_count = ffi.new("uint64_t[]", size // 8 + 1), ffi.new("size_t *")
        capacity = lib.lw_chat_text_bytes(self._chat, array, count)
        while True:
            ids = ffi.new("uint32_t[]", capacity)
            self._check(
                lib.lw_chat_encode(
                    *(self._chat, array, count, first, scratch, size, ids, capacity, id_count)
                )
            )
            if id_count[0] <= capacity:
                return list(ffi.unpack(ids, id_count[0])) if id_count[0] else []
            capacity = id_count[0]

    def _messages(self, messages: Sequence[Message]) -> tuple[Any, int, list[Any]]:
        """The C array, its length, and the texts that it points to. Raises BundleError for what is wrong."""
        texts = [ffi.new("char[]", _utf8(message, i)) for i, message in enumerate(messages)]
        array = ffi.new("lw_chat_message[]", len(messages))
        for row, message, text in zip(array, messages, texts, strict=True):
            role = _ROLES.get(message["role"])
            if role is None:
                raise BundleError(
                    f"a message has the role {message['role']!r}; accepted: {', '.join(_ROLES)}"
                )
            # The buffer ends with a zero that is not part of the text.
            row.role, row.utf8, row.bytes = getattr(lib, role), text, len(text) - 1
        self._refuse_faults(array, messages)
        return array, len(messages), texts

    def _refuse_faults(self, array: Any, messages: Sequence[Message]) -> None:
        index, size = ffi.new("size_t *"), ffi.new("size_t *")
        text = ffi.new("const char **")
        fault = lib.lw_chat_check(self._chat, array, len(messages), index, text, size)
        if fault == lib.LW_CHAT_OK:
            return
        which = f"message {index[0] + 1} of the conversation"
        if fault == lib.LW_CHAT_ORDER:
            raise BundleError(
                f"{which} is out of order; accepted: a system message or none, then user and "
                "assistant in turns, from a user to a user"
            )
        if fault == lib.LW_CHAT_NO_SYSTEM:
            raise BundleError(
                "the chat template of this model has no place for a system message; leave it out"
            )
        if fault == lib.LW_CHAT_BLANK:
            raise BundleError(
                f"{which} has no text, which the chat template of this model treats in a way of its "
                "own; give it some text"
            )
        reserved = ffi.unpack(text[0], size[0]).decode()
        raise BundleError(
            f"{which} has the text {reserved!r}, which the chat template of this model treats in a "
            "way of its own; leave it out"
        )

    def _size(self, size: int) -> int:
        if size >= 1 << 48:
            raise BundleError(
                f"{self._where}: a conversation is too long to encode; shorten a message"
            )
        return size

    def _check(self, code: int) -> None:
        if code != lib.LW_OK:
            raise status_error(self._where, code)


def _utf8(message: Message, index: int) -> bytes:
    try:
        return message["content"].encode()
    except UnicodeEncodeError as error:
        raise BundleError(
            f"message {index + 1} of the conversation is not valid Unicode at character "
            f"{error.start}; give it in UTF-8"
        ) from error
