"""Arguments that several commands share, and checked numbers. Names follow llama.cpp where it has one."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def integer(low: int, high: int | None = None) -> Callable[[str], int]:
    """An argument type: an integer from ``low`` to ``high``."""

    def parse(text: str) -> int:
        value = int(text)
        if value < low or (high is not None and value > high):
            raise argparse.ArgumentTypeError(
                f"{text} is out of range; accepted: {_range(low, high)}"
            )
        return value

    parse.__name__ = "integer"
    return parse


def real(low: float, high: float) -> Callable[[str], float]:
    """An argument type: a number from ``low`` to ``high``."""

    def parse(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{text} is out of range; accepted: {_range(low, high)}"
            )
        return value

    parse.__name__ = "number"
    return parse


def integers(low: int, high: int | None = None) -> Callable[[str], list[int]]:
    """An argument type: integers separated by commas."""
    one = integer(low, high)

    def parse(text: str) -> list[int]:
        return [one(part) for part in text.split(",")]

    parse.__name__ = "list of integers"
    return parse


def _range(low: float, high: float | None) -> str:
    return f"{low} and above" if high is None else f"{low} to {high}"


def pair(text: str) -> tuple[str, str]:
    """An argument type: PATTERN=NAME."""
    pattern, equals, name = text.rpartition("=")
    if not (pattern and equals and name):
        raise argparse.ArgumentTypeError(f"{text!r} is not PATTERN=NAME")
    return pattern, name


def add_bundle(parser: argparse.ArgumentParser) -> None:
    """Add the bundle: a positional argument or -m; :func:`bundle_path` reads it."""
    either = parser.add_mutually_exclusive_group(required=True)
    either.add_argument("bundle", nargs="?", help="the bundle folder that `lutwerk compile` wrote")
    either.add_argument("-m", "--model", metavar="BUNDLE", help="the same, as llama.cpp spells it")


def bundle_path(arguments: argparse.Namespace) -> str:
    """The bundle folder, however it was given."""
    given = arguments.model if arguments.bundle is None else arguments.bundle
    return str(given)


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add -t."""
    parser.add_argument(
        "-t",
        "--threads",
        type=integer(1, 256),
        metavar="N",
        help="threads; default: one for each processor that this process may use",
    )


def add_full_head(parser: argparse.ArgumentParser) -> None:
    """Add --full-head."""
    parser.add_argument(
        "--full-head",
        action="store_true",
        help="compute all logits of each token, where the bundle has a two-stage head; the text is the same",
    )


def add_json(parser: argparse.ArgumentParser, what: str) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help=f"print JSON on stdout: {what}")
