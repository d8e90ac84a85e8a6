"""A conversation that keeps what was evaluated in the context, by the chat template of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Unpack

from lutwerk.device_chat import DeviceChat, Message
from lutwerk.generation import Generation, Settings

#: Begins a generation for a prompt, some of whose tokens are in the context.
Answer = Callable[[list[int], int, Settings], Generation]


class Conversation:
    """Turns of a user and a model. Made by ``Bundle.conversation``.

    The context is the bundle's: another generation on the same bundle in between costs the
    evaluation of the whole conversation. ``bundle.session`` must not be used directly in between.
    Where the template allows it, answers stay in the context as the model wrote them; otherwise, as
    with templates that drop the thoughts of earlier answers, what differs is evaluated again.

    Attributes:
        messages: what was said, up to the answer before the last.
    """

    def __init__(
        self,
        chat: DeviceChat,
        answer: Answer,
        current: Callable[[], Generation | None],
        system: str | None = None,
    ):
        self.messages: list[Message] = []
        self._chat = chat
        self._answer = answer
        self._current = current
        self._last: Generation | None = None
        if system is not None:
            self.messages.append({"role": "system", "content": system})
            # Say at once what the template cannot carry.
            chat.encode([*self.messages, {"role": "user", "content": "x"}])

    def send(self, text: str, **settings: Unpack[Settings]) -> Generation:
        """Say something. Returns the answer as an iterator of text, to be taken before the next call.

        An answer that is not taken to its end stays in the conversation as far as it was taken.

        Args:
            text: the message.
            settings: as for ``Bundle.generate``.

        Raises:
            BundleError: the conversation no longer fits the context, or the template cannot carry
                the message; the conversation is as before.
            ValueError: a setting is out of range.
        """
        messages = list(self.messages)
        if self._last is not None:
            messages.append({"role": "assistant", "content": self._last.text})
        messages.append({"role": "user", "content": text})
        ids, held = self._prompt(messages)
        generation = self._answer(ids, held, settings)
        self.messages, self._last = messages, generation
        return generation

    def _prompt(self, messages: Sequence[Message]) -> tuple[list[int], int]:
        """The tokens of a conversation, and how many of them are in the context."""
        last = self._last if self._last is self._current() else None
        if last is None:
            return self._chat.encode(messages), 0
        # A stop text that the model wrote is in the context, but is no part of the answer.
        if self._chat.info.appends and last.finish_reason in ("eos", "length", "context"):
            ids = last.history + self._chat.encode(messages, len(messages) - 1)
            return ids, min(len(last.context), len(ids) - 1)
        ids = self._chat.encode(messages)
        same = takewhile(lambda pair: pair[0] == pair[1], zip(ids[:-1], last.context, strict=False))
        return ids, sum(1 for _ in same)
