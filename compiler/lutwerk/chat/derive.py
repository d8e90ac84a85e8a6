"""From a template to its compact form: render conversations of marks, and read off what is between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product

from lutwerk.chat.form import (
    ABSENT,
    ALWAYS,
    ANSWER,
    AS_TEXT,
    BOTH_ENDS,
    FIRST_ANSWER,
    FIRST_USER,
    KEEPS_BEGINNING,
    NEWLINES,
    NOTHING,
    REFUSED,
    ROLES,
    SPACE,
    STRIP_BEFORE,
    STRIP_BEHIND,
    STRIP_FAR,
    SYSTEM,
    TO_ANSWER,
    TO_GENERATION,
    TO_LAST_USER,
    TO_SYSTEM,
    TO_USER,
    USER,
    Form,
    Gap,
    Key,
)
from lutwerk.chat.refusal import NotCarried
from lutwerk.chat.template import ChatTemplate, Message

#: User messages of the conversations that the form is read from: more bring no new gap.
_USERS = (1, 2, 3, 4)
#: White space in an order that no template has between messages.
_PAD = " \n\t\u3000\n "
_BLANKS = ("", " \n", "\u3000\t ")
_CUT_BITS = (NEWLINES, SPACE, BOTH_ENDS, ALWAYS, KEEPS_BEGINNING)


def derive(template: ChatTemplate) -> Form:
    """The compact form. Raises NotCarried when the template has none that these conversations show."""
    plain = _gaps(template, False)
    form = Form(plain)
    with suppress(NotCarried):
        form = replace(form, has_system=True, system_last=_system_is_last(template))
        form = replace(form, gaps=plain | _gaps(template, True, form.system_last))
    if len(form.gaps) == len(plain):
        form = Form(plain)
    form = _with_strips(template, form)
    form = _with_cut(template, form)
    form = _with_blanks(template, form)
    return _with_reserved(template, form)


def conversation(system: str | None, turns: Sequence[str]) -> list[Message]:
    """Messages in order, users and the model in turns."""
    roles = ("user", "assistant")
    messages: list[Message] = [
        {"role": roles[i % 2], "content": text} for i, text in enumerate(turns)
    ]
    return messages if system is None else [{"role": "system", "content": system}, *messages]


def mark(i: int | str) -> str:
    """A message that stands nowhere else: characters for private use."""
    return f"\ue000{i}\ue001"


def _marked(users: int) -> list[str]:
    return [mark(i) for i in range(2 * users - 1)]


def _system_is_last(template: ChatTemplate) -> bool:
    text = template.render(conversation(mark("s"), _marked(3)))
    if text.count(mark("s")) != 1:
        raise NotCarried("it does not print the system message once")
    return text.index(mark(3)) < text.index(mark("s"))


def _walk(users: int, has_system: bool, system_last: bool) -> Iterator[tuple[str, Key]]:
    """The marks of a conversation in the order of the text, each with the gap before it; then the last gap."""
    state = NOTHING
    turns = 2 * users - 1
    for i in range(turns):
        is_last = i + 1 == turns
        if i % 2 == 0 and has_system and (is_last if system_last else i == 0):
            yield mark("s"), (has_system, state, TO_SYSTEM)
            state = SYSTEM
        if i % 2:
            yield mark(i), (has_system, state, TO_ANSWER)
            state = ANSWER if i > 1 else FIRST_ANSWER
        else:
            yield mark(i), (has_system, state, TO_LAST_USER if is_last else TO_USER)
            state = USER if i else FIRST_USER
    yield "", (has_system, state, TO_GENERATION)


def _cut_at_marks(text: str, marks: Sequence[str]) -> list[str]:
    """What is between marks that stand in this order, each once."""
    gaps = []
    for one in marks:
        gap, found, text = text.partition(one)
        if not found:
            raise NotCarried("it does not print each message once, in order")
        gaps.append(gap)
    gaps.append(text)
    if any("\ue000" in gap for gap in gaps):
        raise NotCarried("it prints a message twice")
    return gaps


def _gaps(template: ChatTemplate, has_system: bool, system_last: bool = False) -> dict[Key, Gap]:
    gaps: dict[Key, Gap] = {}
    for users in _USERS:
        walk = list(_walk(users, has_system, system_last))
        system = mark("s") if has_system else None
        text = template.render(conversation(system, _marked(users)))
        for (_, key), gap in zip(walk, _cut_at_marks(text, [m for m, _ in walk[:-1]]), strict=True):
            if gaps.setdefault(key, Gap(gap)).text != gap:
                raise NotCarried("the text between two messages depends on more than their places")
    return gaps


def _conversations(form: Form) -> Iterator[tuple[int, bool]]:
    """Numbers of users, without and with a system message."""
    yield from product(_USERS, (False, True) if form.has_system else (False,))


def _with_strips(template: ChatTemplate, form: Form) -> Form:
    """Find which white space of messages the template removes."""
    strips = dict.fromkeys(form.gaps, 0)
    for users, has_system in _conversations(form):
        walk = list(_walk(users, has_system, form.system_last))
        marks = [m for m, _ in walk[:-1]]
        for flag, before, after in ((STRIP_BEHIND, _PAD, ""), (STRIP_BEFORE, "", _PAD)):
            turns = [before + m + after for m in _marked(users)]
            system = before + mark("s") + after if has_system else None
            found = _cut_at_marks(template.render(conversation(system, turns)), marks)
            beside = walk[:-1] if before else walk[1:]
            for (_, key), gap in zip(beside, found[:-1] if before else found[1:], strict=True):
                text = form.gaps[key].text
                if gap == text:
                    strips[key] |= flag
                elif gap != after + text + before:
                    raise NotCarried(
                        "it changes white space at the ends of messages in a way of its own"
                    )
    gaps = {key: Gap(gap.text, strips[key]) for key, gap in form.gaps.items()}
    return replace(form, gaps=gaps)


def _agree(template: ChatTemplate, form: Form, messages: Sequence[Message]) -> bool:
    try:
        return template.render(messages) == form.render(messages)
    except NotCarried:
        return False


def _with_blanks(template: ChatTemplate, form: Form) -> Form:
    """Find what becomes of messages that are empty or white space."""
    form = _with_far_strips(template, form)
    rules = []
    for role in ROLES:
        kinds = []
        for blanks in (_BLANKS[:1], _BLANKS[1:]):
            cases = [
                messages
                for blank in blanks
                for users, has_system in _conversations(form)
                for messages in _with_blank(role, blank, users, has_system)
            ]
            if all(_agree(template, form, messages) for messages in cases):
                kinds.append(AS_TEXT)
            elif role == "system" and all(_agree_without(template, form, m) for m in cases):
                kinds.append(ABSENT)
            else:
                kinds.append(REFUSED)
        rules.append((kinds[0], kinds[1]))
    return replace(form, blank=tuple(rules))


def _agree_without(template: ChatTemplate, form: Form, messages: Sequence[Message]) -> bool:
    """Whether a conversation gives the text of one without its first message."""
    with suppress(NotCarried):
        return template.render(messages) == form.render(messages[1:])
    return False


def _with_blank(role: str, blank: str, users: int, has_system: bool) -> Iterator[list[Message]]:
    """A conversation for each message of the role, which is blank."""
    messages = conversation(mark("s") if has_system else None, _marked(users))
    for i, message in enumerate(messages):
        if message["role"] == role:
            yield [dict(m) | ({"content": blank} if j == i else {}) for j, m in enumerate(messages)]


def _with_far_strips(template: ChatTemplate, form: Form) -> Form:
    """Where a blank message lets the template strip the text before it, too, its gap says so."""
    for key, gap in form.gaps.items():
        if not gap.strip & STRIP_BEFORE:
            continue
        far = Gap(gap.text, gap.strip & ~STRIP_BEFORE | STRIP_FAR)
        changed = replace(form, gaps=form.gaps | {key: far})
        cases = [
            messages
            for role in ROLES
            for users, has_system in _conversations(form)
            for messages in _with_blank(role, _BLANKS[1], users, has_system)
            if form.render(messages) != changed.render(messages)
        ]
        if cases and all(_agree(template, changed, messages) for messages in cases):
            form = changed
    return form


def _with_cut(template: ChatTemplate, form: Form) -> Form:
    """Find a text that takes the beginning of an answer away, as the end of its thoughts does."""
    a, b = mark("a"), mark("b")
    pads = ("", "\n\n", " \n\t ", "\n \n")
    usual = [_answers(pad + b + end) for pad in pads for end in pads]
    # Longer texts may hold the one that matters.
    texts = sorted((*template.constants, *_trimmed(template.constants)), key=len)
    for text in (None, *texts):
        cut = [_answers(a + text + pad + b + end) for pad in pads for end in pads] if text else []
        if all(_agree(template, form, messages) for messages in (cut or usual)):
            continue
        for strip in sorted({sum(bits) for bits in product(*((0, bit) for bit in _CUT_BITS))}):
            changed = replace(form, cut=text, cut_strip=strip)
            if strip & 3 < 3 and all(_agree(template, changed, m) for m in (*usual, *cut)):
                form = changed
                break
        if form.cut is not None:
            break
    return form


def _answers(answer: str) -> list[Message]:
    return conversation(None, [mark(0), answer, mark(2), answer, mark(4)])


def _with_reserved(template: ChatTemplate, form: Form) -> Form:
    """Refuse messages with texts by which the template tells them from others."""
    reserved: list[tuple[str, str]] = []
    tags = [text for text in template.constants if _is_tag(text.strip())]
    # The shortest first: a longer text that holds it needs no rule of its own.
    texts = sorted((*template.constants, *_trimmed(template.constants)), key=len)
    frames = [(text, "") for text in texts]
    frames += [pair for pair in product(tags, tags) if pair[0] != pair[1]]
    for role, (first, second) in product(ROLES, frames):
        held = any(who == role and (text in first or text in second) for who, text in reserved)
        if held or (role == "system" and not form.has_system):
            continue
        cases = _framed(form, role, first, second)
        if not all(_agree(template, form, messages) for messages in cases):
            reserved.append((role, first))
    return replace(form, reserved=tuple(reserved))


def _is_tag(text: str) -> bool:
    """Whether a template may tell messages by it at their ends."""
    return len(text) < 40 and not text[0].isalnum() and not text[-1].isalnum()


def _trimmed(texts: Sequence[str]) -> list[str]:
    """The same without the white space around them, as a test in a template has it."""
    return sorted({text.strip() for text in texts} - set(texts))


def _framed(form: Form, role: str, first: str, second: str) -> Iterator[list[Message]]:
    """Conversations in which one message of the role begins with a text, has it, or is between two."""
    contents = [f"{first}x{second}"]
    if not second:
        contents += [first, f"x{first}", f"x {first} y"]
    answer = f"y{form.cut}z" if form.cut else "z"
    for content in contents:
        if role == "system":
            yield conversation(content, ["x", answer, "x"])
            continue
        for place in (0, 2, 4) if role == "user" else (1, 3):
            turns = ["x", answer, "x", answer, "x"]
            turns[place] = content
            yield conversation(None, turns)
