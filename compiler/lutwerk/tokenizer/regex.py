"""The regular expressions of pre-tokenisers, as far as one pass over the text can follow them.

A subset of Oniguruma's syntax: literals, sets, properties, groups, alternation, greedy and
possessive quantifiers, ``(?i:...)``, and a lookahead of one character. The rest is refused by name.
What a set holds is not interpreted here: its source is kept, and the library is asked about it.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache

import numpy as np

from lutwerk.tokenizer.refusal import Unsupported
from lutwerk.tokenizer.unicode import (
    CODE_POINTS,
    VACANT_FROM,
    Set,
    expression_set,
    literal_set,
)


@dataclass(frozen=True, eq=False)
class Character:
    """One character of a set, bool ``[0x110000]``."""

    members: Set


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """The first that leads to a match."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """As often as possible, from ``least`` to ``most`` times (None: without limit)."""

    body: Node
    least: int
    most: int | None


@dataclass(frozen=True, eq=False)
class Ahead:
    """What follows is in ``members``, or is the end and ``at_end``; matches nothing itself."""

    members: Set
    at_end: bool


Node = Character | Sequence | Choice | Repeat | Ahead

_ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "f": "\f", "v": "\v"}
_CLASS_ESCAPES = "dDwWsS"
_QUANTIFIER = re.compile(r"\{(\d*)(,?)(\d*)\}")
#: Most repetitions that a bounded quantifier may ask for; each is a state.
_MOST_REPEATS = 256


def parse(source: str) -> Node:
    """The tree of an expression. Raises Unsupported."""
    parser = _Parser(source)
    node = parser.choice(ignore_case=False)
    if parser.rest():
        raise parser.refuse("an unmatched ')'")
    return node


def nullable(node: Node) -> bool:
    """Whether it can match the empty text."""
    match node:
        case Character():
            return False
        case Ahead():
            return True
        case Sequence(parts):
            return all(map(nullable, parts))
        case Choice(options):
            return any(map(nullable, options))
        case Repeat(body, least, _):
            return least == 0 or nullable(body)


@cache
def _folds_to_many() -> frozenset[str]:
    """Texts of several characters that are one character in another case, such as "ss"."""
    folded = (chr(c).casefold() for c in range(sys.maxunicode + 1))
    return frozenset(f for f in folded if len(f) > 1)


class _Parser:
    def __init__(self, source: str):
        self._source = source
        self._at = 0

    def rest(self) -> str:
        return self._source[self._at :]

    def refuse(self, what: str) -> Unsupported:
        return Unsupported(f"{what} at character {self._at} of the expression {self._source!r}")

    def _take(self, text: str) -> bool:
        if self._source.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def choice(self, ignore_case: bool) -> Node:
        options = [self._sequence(ignore_case)]
        while self._take("|"):
            options.append(self._sequence(ignore_case))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self, ignore_case: bool) -> Node:
        parts: list[Node] = []
        run = ""
        while self.rest() and self.rest()[0] not in "|)":
            begin = self._at
            atom = self._atom(ignore_case)
            source = self._source[begin : self._at]
            run = run + source.lower() if ignore_case and len(source) == 1 else ""
            if any(run.endswith(many) for many in _folds_to_many()):
                raise self.refuse(f"{run!r}, which in another case is one character,")
            parts.append(self._quantified(atom))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self, ignore_case: bool) -> Node:
        for opening, fold in (("(?:", ignore_case), ("(?i:", True)):
            if self._take(opening):
                return self._group(fold)
        for opening, wanted in (("(?!", False), ("(?=", True)):
            if self._take(opening):
                return self._ahead(self._group(ignore_case), wanted)
        if self.rest().startswith("(?"):
            raise self.refuse(f"the group {self.rest()[:4]!r}")
        if self._take("("):
            return self._group(ignore_case)
        return self._character(ignore_case)

    def _group(self, ignore_case: bool) -> Node:
        node = self.choice(ignore_case)
        if not self._take(")"):
            raise self.refuse("a group that does not end")
        return node

    def _ahead(self, node: Node, wanted: bool) -> Node:
        members = literal_set("")
        for option in node.options if isinstance(node, Choice) else (node,):
            if not isinstance(option, Character):
                raise self.refuse("a lookahead of other than one character")
            members |= option.members
        return Ahead(members, at_end=False) if wanted else Ahead(~members, at_end=True)

    def _character(self, ignore_case: bool) -> Node:
        begin = self._at
        first = self._source[begin]
        if first == "\\":
            self._escape()
        elif first == "[":
            self._set()
        elif first in "^$*+?{":
            raise self.refuse(f"{first!r}")
        else:
            self._at += 1
        source = self._source[begin : self._at]
        plain = _ESCAPES.get(source[1:]) if first == "\\" else first
        if plain is None and first == "\\" and not source[1].isalnum():
            plain = source[1]
        is_literal = plain is not None and first not in ".["
        if is_literal and not ignore_case:
            return Character(literal_set(plain or ""))
        members = expression_set(f"(?i:{source})" if ignore_case else source)
        if ignore_case and self._has_wide_folds(members):
            raise self.refuse(f"{source!r}, which in another case is several characters,")
        return Character(members)

    def _has_wide_folds(self, members: Set) -> bool:
        if np.count_nonzero(members) > CODE_POINTS // 2:
            return True
        return any(len(chr(c).casefold()) > 1 for c in np.flatnonzero(members))

    def _escape(self) -> None:
        following = self.rest()[1:2]
        if following in ("p", "P"):
            end = self._source.find("}", self._at)
            if self.rest()[2:3] != "{" or end < 0:
                raise self.refuse("a property without braces")
            self._at = end + 1
        elif following and (
            following in _ESCAPES or following in _CLASS_ESCAPES or not following.isalnum()
        ):
            self._at += 2
        else:
            raise self.refuse(f"the escape {self.rest()[:2]!r}")

    def _set(self) -> None:
        """Pass over ``[...]``."""
        self._at += 1
        self._take("^")
        if self.rest().startswith("]"):
            raise self.refuse("a set that begins with ']'")
        while not self._take("]"):
            rest = self.rest()
            if not rest:
                raise self.refuse("a set that does not end")
            if rest[0] == "[" or rest.startswith("&&"):
                raise self.refuse("a set inside a set")
            if ord(rest[0]) >= VACANT_FROM:
                raise self.refuse("a character that Unicode has not assigned")
            if rest[0] == "\\":
                self._escape()
            else:
                self._at += 1

    def _quantified(self, atom: Node) -> Node:
        begin = self._at
        limits = self._limits()
        if limits is None:
            return atom
        least, most = limits
        if isinstance(atom, Ahead) or (nullable(atom) and most is None):
            raise self.refuse("a repetition of something that may be empty")
        possessive = self._source[begin] != "{" and self._take("+")
        if self.rest()[:1] in ("?", "*", "+") or _QUANTIFIER.match(self.rest()):
            raise self.refuse("a lazy or repeated quantifier")
        node = Repeat(atom, least, most)
        if not possessive:
            return node
        if not isinstance(atom, Character):
            raise self.refuse("a possessive quantifier of more than one character")
        # What such a quantifier could still take, it has taken.
        stop = Ahead(~atom.members, at_end=True)
        if most is None:
            return Sequence((node, stop))
        return Choice((atom, stop))

    def _limits(self) -> tuple[int, int | None] | None:
        for sign, limits in (("?", (0, 1)), ("*", (0, None)), ("+", (1, None))):
            if self._take(sign):
                return limits
        found = _QUANTIFIER.match(self.rest())
        if not found:
            return None
        low, comma, high = found.groups()
        if not low and not high:
            raise self.refuse("'{'")
        least = int(low or 0)
        most = (int(high) if high else None) if comma else least
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and not least <= most > 0):
            raise self.refuse(f"the quantifier {found[0]!r}")
        self._at += found.end()
        return least, most
