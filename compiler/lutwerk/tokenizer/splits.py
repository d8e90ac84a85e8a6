"""Pre-tokenisers: rewriting steps, then automata that cut a text, each cutting the pieces of the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lutwerk.tokenizer.automaton import Automaton, build_automaton
from lutwerk.tokenizer.refusal import Unsupported, accepted
from lutwerk.tokenizer.regex import Character, Choice, Node, Repeat, Sequence, parse
from lutwerk.tokenizer.steps import PREFIX, PREFIX_FIRST, REPLACE, Step
from lutwerk.tokenizer.unicode import digit_set, literal_set

#: What becomes of the matches and of the text between them, as section TEXT numbers it.
KEEP_BOTH, KEEP_GAPS, KEEP_MATCHES = range(3)
#: The expression that ``ByteLevel`` has built in: GPT-2's.
_BYTE_LEVEL = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_KNOWN = "Split, ByteLevel, Metaspace, Digits and Sequence of them"
_SCHEMES = {"always": PREFIX, "first": PREFIX_FIRST}


@dataclass(frozen=True)
class Stage:
    """Cuts a piece at the matches of an automaton."""

    automaton: Automaton
    keep: int


@dataclass(frozen=True)
class Splits:
    """A pre-tokeniser. With ``byte_level``, words are bytes to the model; else they are characters."""

    steps: list[Step]
    stages: list[Stage]
    byte_level: bool


def read_splits(pre_tokenizer: dict[str, Any] | None) -> Splits:
    """The steps and stages of a ``pre_tokenizer``. Raises Unsupported."""
    splits = Splits([], [], byte_level=False)
    for part in _flat(pre_tokenizer):
        if splits.byte_level:
            raise Unsupported(
                f"pre_tokenizer {part['type']!r} comes after 'ByteLevel'; "
                "accepted: 'ByteLevel' as the last of a Sequence"
            )
        steps, stages = _read(part)
        if steps and (splits.steps or splits.stages):
            raise Unsupported(
                f"pre_tokenizer {part['type']!r} changes pieces that others have cut; "
                "accepted: one that does so as the first of a Sequence"
            )
        splits = Splits(
            splits.steps + steps, splits.stages + stages, byte_level=part["type"] == "ByteLevel"
        )
    return splits


def _flat(pre_tokenizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    match pre_tokenizer:
        case None:
            return []
        case {"type": "Sequence", "pretokenizers": list(parts)}:
            return [flat for part in parts for flat in _flat(part)]
        case {"type": str()}:
            return [pre_tokenizer]
    raise accepted("pre_tokenizer", pre_tokenizer, "an object with a type")


def _read(part: dict[str, Any]) -> tuple[list[Step], list[Stage]]:
    match part:
        case {"type": "Split", "pattern": {"Regex": str(source)}}:
            return [], [_split(parse(source), part)]
        case {"type": "Split", "pattern": {"String": str(text)}} if text:
            characters = tuple(Character(literal_set(c)) for c in text)
            return [], [_split(characters[0] if len(text) == 1 else Sequence(characters), part)]
        case {"type": "ByteLevel", "add_prefix_space": bool(prefix), "use_regex": bool(cut)}:
            return (
                [Step(PREFIX, to=" ")] if prefix else [],
                [Stage(build_automaton(parse(_BYTE_LEVEL)), KEEP_BOTH)] if cut else [],
            )
        case {"type": "Metaspace"}:
            return _read_metaspace(part)
        case {"type": "Digits", "individual_digits": bool(individual)}:
            digit: Node = Character(digit_set())
            node = digit if individual else Repeat(digit, 1, None)
            return [], [Stage(build_automaton(node), KEEP_BOTH)]
    raise accepted("pre_tokenizer", part["type"], _KNOWN)


def _split(node: Node, part: dict[str, Any]) -> Stage:
    keep = KEEP_BOTH
    match node, part:
        case _, {"behavior": "Isolated"}:
            pass
        case _, {"behavior": "Removed", "invert": bool(invert)}:
            keep = KEEP_MATCHES if invert else KEEP_GAPS
        case Character(members), {"behavior": str(behavior), "invert": False}:
            node = _merged(node, Character(~members), behavior)
        case _:
            raise accepted(
                "pre_tokenizer: behavior of 'Split'",
                part["behavior"],
                "Isolated, Removed; for single characters, not inverted, also the others",
            )
    return Stage(build_automaton(node), keep)


def _merged(mark: Character, rest: Character, behavior: str) -> Node:
    """An expression for the pieces that marks and what lies between them make together."""
    match behavior:
        case "MergedWithPrevious":
            # Of several marks in a row, only the first joins what is before.
            return Choice((Sequence((Repeat(rest, 1, None), Repeat(mark, 0, 1))), mark))
        case "MergedWithNext":
            return Choice((Sequence((mark, Repeat(rest, 0, None))), Repeat(rest, 1, None)))
        case "Contiguous":
            return Choice((Repeat(mark, 1, None), Repeat(rest, 1, None)))
    raise accepted("pre_tokenizer: behavior of 'Split'", behavior, "a known one")


def _read_metaspace(part: dict[str, Any]) -> tuple[list[Step], list[Stage]]:
    mark, scheme = part["replacement"], part["prepend_scheme"]
    steps = [Step(REPLACE, " ", mark)]
    if scheme in _SCHEMES:
        steps.append(Step(_SCHEMES[scheme], to=mark))
    elif scheme != "never":
        raise accepted("pre_tokenizer: prepend_scheme", scheme, "always, first, never")
    if not part["split"]:
        return steps, []
    marks = literal_set(mark)
    node = _merged(Character(marks), Character(~marks), "MergedWithNext")
    return steps, [Stage(build_automaton(node), KEEP_BOTH)]
