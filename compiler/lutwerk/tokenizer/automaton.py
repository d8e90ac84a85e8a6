"""A regular expression as a deterministic automaton over classes of characters.

The automaton finds what a backtracking engine finds: of all matches at a position the one whose
alternatives come first. A state is the list of threads of a Pike machine in order of priority (Pike,
"The text editor sam", 1987; Cox, "Regular expression matching: the virtual machine approach", 2009),
and a thread that matches drops those behind it. Matches are seen one character late, which makes a
lookahead of one character free.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lutwerk.tokenizer.refusal import Unsupported
from lutwerk.tokenizer.regex import Ahead, Character, Choice, Node, Repeat, Sequence
from lutwerk.tokenizer.unicode import CODE_POINTS, Set

#: Flag of a cell: the text before this character matches.
MATCH = 0x8000
DEAD, START = 0, 1
_MOST_STATES = 4096
_MOST_CLASSES = 255


@dataclass(frozen=True)
class Automaton:
    """A table for a walk that begins in state 1 and ends in state 0.

    Attributes:
        classes: uint8 ``[0x110000]``: class of each code point.
        cells: uint16 ``[states, classes + 1]``: next state for each class and for the end of the
            text, plus MATCH where the text read so far matches.
    """

    classes: NDArray[np.uint8]
    cells: NDArray[np.uint16]


@dataclass(frozen=True)
class _Read:
    classes: frozenset[int]
    consumes: bool


@dataclass(frozen=True)
class _Jump:
    """Continue at all targets, the first with the highest priority."""

    targets: tuple[int, ...]


class _Accept:
    pass


class _Machine:
    """The program: instruction i continues at i + 1."""

    def __init__(self, node: Node, classes: NDArray[np.uint8], end: int):
        self._end = end
        #: One code point of each class.
        self._examples = np.unique(classes, return_index=True)[1]
        self.program: list[_Read | _Jump | _Accept] = []
        self._emit(node)
        self.program.append(_Accept())

    def _emit(self, node: Node) -> None:
        match node:
            case Character(members):
                self.program.append(_Read(self._classes_of(members), consumes=True))
            case Ahead(members, at_end):
                classes = self._classes_of(members) | ({self._end} if at_end else set())
                self.program.append(_Read(frozenset(classes), consumes=False))
            case Sequence(parts):
                for part in parts:
                    self._emit(part)
            case Choice(options):
                self._emit_choice(options)
            case Repeat(body, least, most):
                for _ in range(least):
                    self._emit(body)
                if most is None:
                    self._emit_loop(body)
                else:
                    self._emit_optional(body, most - least)

    def _classes_of(self, members: Set) -> frozenset[int]:
        return frozenset(np.flatnonzero(members[self._examples]).tolist())

    def _hole(self) -> int:
        self.program.append(_Jump(()))
        return len(self.program) - 1

    def _emit_choice(self, options: tuple[Node, ...]) -> None:
        ends = []
        for option in options[:-1]:
            split = self._hole()
            self._emit(option)
            ends.append(self._hole())
            self.program[split] = _Jump((split + 1, len(self.program)))
        self._emit(options[-1])
        for end in ends:
            self.program[end] = _Jump((len(self.program),))

    def _emit_loop(self, body: Node) -> None:
        split = self._hole()
        self._emit(body)
        self.program.append(_Jump((split,)))
        self.program[split] = _Jump((split + 1, len(self.program)))

    def _emit_optional(self, body: Node, count: int) -> None:
        splits = []
        for _ in range(count):
            splits.append(self._hole())
            self._emit(body)
        for split in splits:
            self.program[split] = _Jump((split + 1, len(self.program)))

    def threads(self, at: int, seen: set[int]) -> Iterator[int]:
        """Instructions that read or accept, reached from ``at`` without reading, first wins."""
        stack = [at]
        while stack:
            at = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            instruction = self.program[at]
            if isinstance(instruction, _Jump):
                stack.extend(reversed(instruction.targets))
            else:
                yield at

    def step(self, state: tuple[int, ...], symbol: int) -> tuple[tuple[int, ...], bool]:
        """The state after a class, and whether the text before it matches."""
        after: list[int] = []
        seen_after: set[int] = set()
        done: set[int] = set()
        stack = list(reversed(state))
        while stack:
            at = stack.pop()
            if at in done:
                continue
            done.add(at)
            instruction = self.program[at]
            if isinstance(instruction, _Accept):
                return tuple(after), True
            if not isinstance(instruction, _Read) or symbol not in instruction.classes:
                continue
            if instruction.consumes:
                after.extend(self.threads(at + 1, seen_after))
            else:
                stack.extend(reversed(list(self.threads(at + 1, set()))))
        return tuple(after), False


def build_automaton(node: Node) -> Automaton:
    """The automaton of an expression. Raises Unsupported when it is too large or matches the empty text."""
    classes, count = _classes(list(_sets(node)))
    machine = _Machine(node, classes, count)
    start = tuple(machine.threads(0, set()))
    numbers: dict[tuple[int, ...], int] = {(): DEAD, start: START}
    states = [(), start]
    rows = [[DEAD] * (count + 1)]
    # The list grows while it is walked.
    for state in itertools.islice(states, START, None):
        row = []
        for symbol in range(count + 1):
            after, matched = machine.step(state, symbol)
            if after not in numbers:
                numbers[after] = len(states)
                states.append(after)
            row.append(numbers[after] | (MATCH if matched else 0))
        rows.append(row)
        if len(states) > _MOST_STATES:
            raise Unsupported(f"an expression of more than {_MOST_STATES} states")
    if any(cell & MATCH for cell in rows[START]):
        raise Unsupported("an expression that matches the empty text")
    return Automaton(classes, np.array(rows, np.uint16))


def _sets(node: Node) -> Iterator[Set]:
    match node:
        case Character(members) | Ahead(members, _):
            yield members
        case Sequence(nodes) | Choice(nodes):
            for part in nodes:
                yield from _sets(part)
        case Repeat(body, _, _):
            yield from _sets(body)


def _classes(sets: list[Set]) -> tuple[NDArray[np.uint8], int]:
    """Number code points so that those in the same sets share a number; and how many numbers there are."""
    # Sets change at few places, and between these all code points are alike.
    changes = np.logical_or.reduce([members[1:] != members[:-1] for members in sets])
    begins = np.r_[0, np.flatnonzero(changes) + 1]
    signatures = np.stack([members[begins] for members in sets], axis=1)
    found, numbers = np.unique(signatures, axis=0, return_inverse=True)
    if len(found) > _MOST_CLASSES:
        raise Unsupported(f"an expression of more than {_MOST_CLASSES} classes of characters")
    lengths = np.diff(np.r_[begins, CODE_POINTS])
    return np.repeat(numbers.reshape(-1).astype(np.uint8), lengths), len(found)
