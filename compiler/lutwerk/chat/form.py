"""A chat template as strings between messages: what section CHAT holds (runtime/FORMAT.md), and its meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lutwerk.chat.template import Message

ROLES = ("system", "user", "assistant")
#: What is before a gap, and what is behind it.
NOTHING, SYSTEM, FIRST_USER, USER, FIRST_ANSWER, ANSWER = range(6)
TO_SYSTEM, TO_USER, TO_LAST_USER, TO_ANSWER, TO_GENERATION = range(5)
#: White space that a gap takes.
STRIP_BEFORE, STRIP_FAR, STRIP_BEHIND = 1, 2, 4
#: What becomes of a message without text.
AS_TEXT, ABSENT, REFUSED = range(3)
#: White space that an answer loses when it is cut: at its beginning; at its end, too; also without a
#: cut. KEEPS_BEGINNING: gaps take nothing at the beginning of an answer that was cut.
NEWLINES, SPACE, BOTH_ENDS, ALWAYS, KEEPS_BEGINNING = 1, 2, 4, 8, 16

#: Whether there is a system message, what is before, what is behind.
Key = tuple[bool, int, int]


@dataclass(frozen=True)
class Gap:
    """Text between messages, and the white space of messages that it takes."""

    text: str
    strip: int = 0


@dataclass(frozen=True)
class Form:
    """A template in compact form.

    Attributes:
        gaps: by what is around them.
        has_system: conversations may begin with a system message.
        system_last: it stands before the last user message.
        blank: for (role, 0 or 1), messages that are empty or white space: AS_TEXT, ABSENT, REFUSED.
        cut: of an answer that has this text, only what is behind the last one counts.
        cut_strip: white space that it loses.
        reserved: (role, text): messages of the role that have the text are refused.
    """

    gaps: dict[Key, Gap]
    has_system: bool = False
    system_last: bool = False
    blank: tuple[tuple[int, int], ...] = ((0, 0),) * 3
    cut: str | None = None
    cut_strip: int = 0
    reserved: tuple[tuple[str, str], ...] = ()

    def refuses(self, messages: Sequence[Message]) -> bool:
        """Whether a message, of a conversation in order, is one that the form does not carry."""
        return any(
            (m["role"] == "system" and not self.has_system)
            or self._blank(m) == REFUSED
            or any(m["role"] == role and text in m["content"] for role, text in self.reserved)
            for m in messages
        )

    def render(self, messages: Sequence[Message]) -> str:
        """The text of a conversation that is in order."""
        system = next((m for m in messages if m["role"] == "system"), None)
        turns = [m for m in messages if m["role"] != "system"]
        if system and self._blank(system) == ABSENT:
            system = None
        parts = _Parts(self.gaps, system is not None)
        for i, turn in enumerate(turns):
            if turn["role"] == "assistant":
                answer, keeps = self._cut(turn["content"])
                parts.add(TO_ANSWER, answer, ANSWER if i > 1 else FIRST_ANSWER, keeps)
                continue
            is_last = i + 1 == len(turns)
            if system and (is_last if self.system_last else i == 0):
                parts.add(TO_SYSTEM, system["content"], SYSTEM)
            to = TO_LAST_USER if is_last else TO_USER
            parts.add(to, turn["content"], USER if i else FIRST_USER)
        return parts.end()

    def _blank(self, message: Message) -> int:
        if message["content"].strip():
            return AS_TEXT
        return self.blank[ROLES.index(message["role"])][message["content"] != ""]

    def _cut(self, answer: str) -> tuple[str, bool]:
        """What counts of an answer, and whether gaps keep off its beginning."""
        found = self.cut is not None and self.cut in answer
        if found:
            answer = answer.rpartition(self.cut or "")[2]
        if found or self.cut_strip & ALWAYS:
            what = "\n" if self.cut_strip & NEWLINES else None
            if self.cut_strip & (NEWLINES | SPACE):
                answer = answer.lstrip(what)
                answer = answer.rstrip(what) if self.cut_strip & BOTH_ENDS else answer
        return answer, found and bool(self.cut_strip & KEEPS_BEGINNING)


class _Parts:
    """A text that grows by a gap and a message at a time."""

    def __init__(self, gaps: dict[Key, Gap], has_system: bool):
        self._gaps = gaps
        self._has_system = has_system
        self._state = NOTHING
        self._text = ""
        self._content = 0

    def add(self, to: int, content: str, state: int, keeps: bool = False) -> None:
        """A message and the gap before it; ``keeps``: the gap takes nothing of the message's beginning."""
        gap = self._gap(to)
        self._content = len(self._text)
        self._text += content.lstrip() if gap.strip & STRIP_BEHIND and not keeps else content
        self._state = state

    def end(self) -> str:
        """The whole text."""
        self._gap(TO_GENERATION)
        return self._text

    def _gap(self, to: int) -> Gap:
        gap = self._gaps[self._has_system, self._state, to]
        if gap.strip & STRIP_FAR:
            self._text = self._text.rstrip()
        elif gap.strip & STRIP_BEFORE:
            self._text = self._text[: self._content] + self._text[self._content :].rstrip()
        self._text += gap.text
        return gap
