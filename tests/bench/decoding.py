"""The command line of benchmarks that decode tokens of a bundle at one position of its context."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lutwerk import LutwerkError
from lutwerk.cli.options import integer, integers
from report import Circumstances


@dataclass(frozen=True)
class Options:
    """What to measure: counts of threads one after the other, ``rounds`` tokens behind ``positions``."""

    bundle: Path
    threads: list[int]
    positions: int
    rounds: int
    as_json: bool


def read_options(doc: str, arguments: list[str] | None, *, positions: int, rounds: int) -> Options:
    """Read the command line; ``doc`` describes the program, the other arguments are defaults."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("bundle", type=Path)
    add("-t", "--threads", type=integers(1, 256), default="1,2", help="1,2")
    before = f"tokens before the measured ({positions})"
    add("--positions", type=integer(0), default=positions, help=before)
    measured = f"tokens that are measured ({rounds})"
    add("-r", "--rounds", type=integer(1), default=rounds, help=measured)
    add("-o", "--output", choices=("text", "json"), default="text", help="text")
    given = parser.parse_args(arguments)
    return Options(
        bundle=given.bundle,
        threads=given.threads,
        positions=given.positions,
        rounds=given.rounds,
        as_json=given.output == "json",
    )


def show(row: Any, text: Callable[[Any], str], where: Circumstances, *, as_json: bool) -> None:
    """Print a row, a dataclass: as ``text`` of it, or as JSON with the circumstances."""
    print(json.dumps(asdict(row) | {"run": asdict(where)}) if as_json else text(row))


def run(main: Callable[[], int], program: str) -> None:
    """Exit with what ``main`` returns, or with one sentence."""
    try:
        sys.exit(main())
    except LutwerkError as error:
        sys.exit(f"{program}: {error}")
