"""Rows of a comparison, and the circumstances that a figure needs to be believed."""

from __future__ import annotations

import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Row:
    """One test on both sides: medians over repetitions in tokens per second, and deviations."""

    shape: str
    format: str
    peer: str
    peer_type: str
    threads: int
    test: str
    ours: float
    theirs: float
    ratio: float
    ours_sd: float
    theirs_sd: float

    @classmethod
    def from_speeds(
        cls, names: dict[str, str], threads: int, test: str, ours: list[float], theirs: list[float]
    ) -> Self:
        """Summarise one test; ``names`` holds shape, format, peer and peer_type."""
        mine, peers = statistics.median(ours), statistics.median(theirs)
        return cls(
            **names,
            threads=threads,
            test=test,
            ours=round(mine, 2),
            theirs=round(peers, 2),
            ratio=round(mine / peers, 2),
            ours_sd=round(_deviation(ours), 2),
            theirs_sd=round(_deviation(theirs), 2),
        )


def _deviation(speeds: list[float]) -> float:
    return statistics.stdev(speeds) if len(speeds) > 1 else 0.0


@dataclass(frozen=True)
class Run:
    """Where, when and how the rows of one run came about."""

    date: str
    machine: str
    load_average: str
    command: str
    lutwerk: str
    peer: str
    ours_bytes: int
    theirs_bytes: int
    repetitions: int

    @classmethod
    def here(cls, *, lutwerk: str, peer: str, ours: Path, theirs: Path, repetitions: int) -> Self:
        """Describe this machine and this command; ``ours`` and ``theirs`` are the model files."""
        return cls(
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            machine=_machine(),
            load_average=" ".join(f"{load:.2f}" for load in os.getloadavg()),
            command=shlex.join(["python", *sys.orig_argv[1:]]),
            lutwerk=f"{lutwerk}, {_commit()}",
            peer=peer,
            ours_bytes=ours.stat().st_size,
            theirs_bytes=theirs.stat().st_size,
            repetitions=repetitions,
        )


def _machine() -> str:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith(("model name", "Model"))
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processors = len(os.sched_getaffinity(0))
    system = f"{platform.system()} {platform.release()}"
    return f"{cpu}, {processors} processors, {memory:.0f} GiB, {system}"


def _commit() -> str:
    """Return the commit of the working tree, marked when files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(
        command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return f"commit {found.stdout.strip()}" if found.returncode == 0 else "no commit"


def markdown(run: Run, rows: Sequence[Row]) -> str:
    """Return the run as a list of circumstances and a table."""
    head = [
        f"- {run.date}, {run.machine}, load average before {run.load_average}",
        f"- `{run.command}`",
        f"- lutwerk {run.lutwerk}, model.lw {run.ours_bytes / 1e6:.0f} MB",
        f"- {run.peer}, GGUF {run.theirs_bytes / 1e6:.0f} MB",
        f"- tokens per second: median of {run.repetitions} ± standard deviation, taking turns",
    ]
    table = [
        "| shape | format | peer | threads | test | ours | theirs | ratio |",
        "|---|---|---|---:|---|---:|---:|---:|",
    ]
    table += [
        f"| {r.shape} | {r.format} | {r.peer} {r.peer_type} | {r.threads} | {r.test} "
        f"| {r.ours:.2f} ± {r.ours_sd:.2f} | {r.theirs:.2f} ± {r.theirs_sd:.2f} | {r.ratio:.2f} |"
        for r in rows
    ]
    return "\n".join([*head, "", *table])


def json_lines(run: Run, rows: Sequence[Row]) -> str:
    """Return one object per row, each with the run under the key ``run``: a line is evidence."""
    return "\n".join(json.dumps(asdict(row) | {"run": asdict(run)}) for row in rows)
