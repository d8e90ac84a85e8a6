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

from lutwerk import __version__
from sides import Test


@dataclass(frozen=True)
class Row:
    """One test of ours beside one peer: medians over repetitions, and deviations, in ``unit``.

    ``ratio`` is how many times as fast we are; ``best``: no peer was faster in this test.
    """

    shape: str
    format: str
    peer: str
    peer_type: str
    threads: int
    test: str
    unit: str
    ours: float
    theirs: float
    ratio: float
    ours_sd: float
    theirs_sd: float
    best: bool


def compare(
    names: dict[str, dict[str, str]],
    threads: int,
    test: Test,
    ours: list[float],
    theirs: dict[str, list[float]],
) -> list[Row]:
    """Summarise one test, a row for each peer in ``theirs``, which names them like ``names``.

    Args:
        names: shape, format, peer and peer_type of each peer's row.
        threads: of all sides.
        test: says the unit of the figures.
        ours: our figures by repetition.
        theirs: each peer's figures by repetition.
    """
    mine = statistics.median(ours)
    medians = {peer: statistics.median(values) for peer, values in theirs.items()}
    ratios = {peer: test.ratio(mine, median) for peer, median in medians.items()}
    fastest = min(ratios, key=ratios.__getitem__)
    return [
        Row(
            **names[peer],
            threads=threads,
            test=str(test),
            unit=test.unit,
            ours=round(mine, 2),
            theirs=round(medians[peer], 2),
            ratio=round(ratios[peer], 3),
            ours_sd=round(_deviation(ours), 2),
            theirs_sd=round(_deviation(theirs[peer]), 2),
            best=peer == fastest,
        )
        for peer in theirs
    ]


def _deviation(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


@dataclass(frozen=True)
class Circumstances:
    """When, where and how figures came about."""

    date: str
    machine: str
    load_average: str
    command: str
    lutwerk: str

    @classmethod
    def here(cls) -> Self:
        """Describe this machine, command and version."""
        return cls(
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            machine=_machine(),
            load_average=" ".join(f"{load:.2f}" for load in os.getloadavg()),
            command=shlex.join(["python", *sys.orig_argv[1:]]),
            lutwerk=f"{__version__}, {_commit()}",
        )


@dataclass(frozen=True)
class Run:
    """The circumstances of a comparison: what took part, and how often. Sizes are of model files."""

    at: Circumstances
    ours: str
    ours_bytes: int
    peer: str
    theirs_bytes: dict[str, int]
    repetitions: int

    def fields(self) -> dict[str, object]:
        """Return everything under one name each."""
        own = asdict(self)
        return own.pop("at") | own


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
    sizes = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in run.theirs_bytes.items())
    head = [
        f"- {run.at.date}, {run.at.machine}, load average before {run.at.load_average}",
        f"- `{run.at.command}`",
        f"- lutwerk {run.at.lutwerk}, {run.ours}, model.lw {run.ours_bytes / 1e6:.0f} MB",
        f"- {run.peer}, GGUF: {sizes}",
        f"- median of {run.repetitions} ± standard deviation, taking turns; ratio: how many times as "
        "fast we are, in bold beside the fastest peer of the test",
    ]
    table = [
        "| shape | format | peer | threads | test | unit | ours | theirs | ratio |",
        "|---|---|---|---:|---|---|---:|---:|---:|",
    ]
    table += [
        f"| {r.shape} | {r.format} | {r.peer} {r.peer_type} | {r.threads} | {r.test} | {r.unit} "
        f"| {r.ours:.2f} ± {r.ours_sd:.2f} | {r.theirs:.2f} ± {r.theirs_sd:.2f} | {_ratio(r)} |"
        for r in rows
    ]
    return "\n".join([*head, "", *table])


def _ratio(row: Row) -> str:
    return f"**{row.ratio:.2f}**" if row.best else f"{row.ratio:.2f}"


def json_lines(run: Run, rows: Sequence[Row]) -> str:
    """Return one object per row, each with the run under the key ``run``: a line is evidence."""
    return "\n".join(json.dumps(asdict(row) | {"run": run.fields()}) for row in rows)
