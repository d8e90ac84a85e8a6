"""Section CHAT of ``model.lw``, as runtime/FORMAT.md specifies it byte by byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from lutwerk.chat.form import (
    ANSWER,
    FIRST_ANSWER,
    FIRST_USER,
    NOTHING,
    ROLES,
    TO_ANSWER,
    TO_GENERATION,
    TO_LAST_USER,
    TO_USER,
    USER,
    Form,
    Gap,
)
from lutwerk.chat.refusal import NotCarried

NONE = 0xFFFFFFFF
_HAS_SYSTEM, _SYSTEM_LAST, _APPENDS = 1, 2, 4
_STATES, _NEXTS = 6, 5
_MOST = 1024


@dataclass(frozen=True)
class Ending:
    """How an answer ends: by a token, by a text that is not part of it, or by neither."""

    token: int | None
    stop: str


class Literals:
    """Texts, each stored once, with the tokens in them."""

    def __init__(self, tokenizer: Tokenizer):
        # A special token, or another that a template can mean: those of white space are text.
        self._added = [
            (token.content, i, token.special)
            for i, token in tokenizer.get_added_tokens_decoder().items()
            if token.content
        ]
        self.texts: list[str] = []
        self.marks: list[list[tuple[int, int, int]]] = []

    def put(self, text: str, marked: bool = True) -> int:
        """The number of a literal; ``marked`` looks for tokens in it."""
        marks = self.find(text) if marked else []
        for i, pair in enumerate(zip(self.texts, self.marks, strict=True)):
            if pair == (text, marks):
                return i
        self.texts.append(text)
        self.marks.append(marks)
        return len(self.texts) - 1

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """Place, bytes and id of each token: leftmost first, of those the longest, as the library has it."""
        marks = []
        at = 0
        while at < len(text):
            here = [token for token in self._added if text.startswith(token[0], at)]
            if not here:
                at += 1
                continue
            content, token, special = max(here, key=lambda found: len(found[0]))
            if special or content.strip():
                marks.append((len(text[:at].encode()), len(content.encode()), token))
            at += len(content)
        return marks


def build(form: Form, tokenizer: Tokenizer) -> bytes:
    """The bytes of the section. Raises NotCarried when the form is too large."""
    literals = Literals(tokenizer)
    # Gaps that no conversation has name it.
    literals.put("")
    gaps = np.zeros((2, _STATES, _NEXTS, 2), "<u4")
    for (has_system, state, to), gap in form.gaps.items():
        gaps[int(has_system), state, to] = literals.put(gap.text), gap.strip
    if not form.has_system:
        gaps[1] = gaps[0]
    end = ending(form, tokenizer)
    flags = (_HAS_SYSTEM if form.has_system else 0) | (_SYSTEM_LAST if form.system_last else 0)
    flags |= _APPENDS if appends(form) else 0
    stop = literals.put(end.stop, marked=False) if end.stop else NONE
    cut = NONE if form.cut is None else literals.put(form.cut, marked=False)
    reserved = [(1 << ROLES.index(role), literals.put(text, False)) for role, text in form.reserved]
    texts = [text.encode() for text in literals.texts]
    marks = [mark for found in literals.marks for mark in found]
    if max(len(texts), len(marks), len(reserved)) > _MOST:
        raise NotCarried(f"it has more than {_MOST} texts")
    header = [flags, NONE if end.token is None else end.token, stop, cut, form.cut_strip]
    header += [len(texts), len(marks), len(reserved), sum(map(len, texts))]
    header += [rule for kinds in form.blank for rule in kinds] + [0]
    content = b"".join(texts)
    return b"".join(
        (
            np.array(header, "<u4").tobytes(),
            gaps.tobytes(),
            _offsets(texts),
            _offsets(literals.marks),
            np.array(marks, "<u4").tobytes(),
            np.array(reserved, "<u4").tobytes(),
            content + bytes(-len(content) % 4),
        )
    )


def _offsets(lists: Sequence[Sequence[object] | bytes]) -> bytes:
    return np.cumsum([0, *map(len, lists)]).astype("<u4").tobytes()


def appends(form: Form) -> bool:
    """Whether the text of a conversation stays as it is when the conversation goes on."""
    same = form.cut is None and not (form.has_system and form.system_last)
    for has_system in (False, True) if form.has_system else (False,):

        def gap(state: int, to: int, has_system: bool = has_system) -> Gap | None:
            return form.gaps.get((has_system, state, to))

        for state in (NOTHING, FIRST_ANSWER, ANSWER):
            if gap(state, TO_USER) is not None:
                same = same and gap(state, TO_USER) == gap(state, TO_LAST_USER)
        for state in (FIRST_USER, USER):
            prompt, history = gap(state, TO_GENERATION), gap(state, TO_ANSWER)
            if prompt and history:
                # A space may come with the answer.
                same = same and prompt.text.rstrip() == history.text.rstrip()
    return same


def ending(form: Form, tokenizer: Tokenizer) -> Ending:
    """How an answer ends: by what is between it and the next message."""
    text = form.gaps[False, FIRST_ANSWER, TO_LAST_USER].text
    marks = Literals(tokenizer).find(text)
    before = text.encode()[: marks[0][0]].decode() if marks else text
    if marks and not before.strip():
        return Ending(marks[0][2], "")
    return Ending(None, before.rstrip())
