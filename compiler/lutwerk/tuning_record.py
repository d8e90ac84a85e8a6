"""Tuning records: what `lutwerk tune` measured on a machine, as a TOML file that `compile --tuning` uses."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lutwerk.errors import TargetError
from lutwerk.machine import RATES, Machine, parse_machine
from lutwerk.targets import ISAS, Target

_HEADER = (
    "# Written by `lutwerk tune`; `lutwerk compile --tuning FILE` uses it. Keys: targets/README.md."
)
#: A record is far smaller; a file above this is something else.
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Record:
    """A machine as measured with the kernels of one instruction set; rates may still be missing."""

    isa: str
    machine: Machine


def read_record(path: Path) -> Record:
    """Read a record. Raises TargetError for a file that is not one, or that cannot be read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise TargetError(
                f"{path}: too large for a tuning record; give what `lutwerk tune` wrote"
            )
        return _parse(tomllib.loads(path.read_text(encoding="utf-8")), path)
    except OSError as error:
        raise TargetError(
            f"{path}: cannot be read: {error.strerror}; give what `lutwerk tune` wrote"
        ) from error
    except (ValueError, RecursionError) as error:
        raise TargetError(
            f"{path}: not a tuning record: {error}; give what `lutwerk tune` wrote"
        ) from error


def _parse(data: dict[str, Any], path: Path) -> Record:
    if data.keys() != {"isa", "speed"}:
        raise TargetError(
            f"{path}: not a tuning record: holds {sorted(data)!r:.200}, needs isa and speed; "
            "give what `lutwerk tune` wrote"
        )
    if data["isa"] not in ISAS:
        raise TargetError(f"{path}: isa is {data['isa']!r:.80}; accepted: {', '.join(ISAS)}")
    return Record(data["isa"], parse_machine(data["speed"], str(path), partial=True))


def write_record(path: Path, record: Record) -> None:
    """Write a record, so that a reader finds the old one or the new one but nothing between."""
    machine = record.machine
    lines = [
        _HEADER,
        f'isa = "{record.isa}"',
        "",
        "[speed]",
        f"source = {json.dumps(machine.source, ensure_ascii=False)}",
        f"cache_mib = {_text(machine.cache_mib)}",
        f"bandwidth = [{', '.join(map(_text, machine.bandwidth))}]",
        f"hand_over = {_text(machine.hand_over)}",
        "",
        "[speed.rates]",
        *(f"{name} = {_text(machine.rates[name])}" for name in RATES if name in machine.rates),
    ]
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def tuned_target(target: Target, path: Path) -> Target:
    """The target with the machine of a complete record in place of its own.

    Raises TargetError when the record is not complete or was measured with other kernels.
    """
    record = read_record(path)
    if record.isa != target.isa:
        raise TargetError(
            f"{path}: measured with the kernels of {record.isa}, but target {target.name} has "
            f"{target.isa}; tune again with `lutwerk tune --target {target.name}`"
        )
    if missing := record.machine.missing():
        raise TargetError(
            f"{path}: {len(missing)} of {len(RATES)} measurements are missing, the first is "
            f"{missing[0]}; finish it with `lutwerk tune -o {path}`"
        )
    return replace(target, speed=record.machine)


def _text(number: float) -> str:
    """Four digits, in a form that TOML takes."""
    return repr(float(f"{number:.4g}"))
