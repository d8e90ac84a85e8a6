"""What huge pages bring to decode: tokens of a bundle that is mapped, and of one that is held in huge pages.

    python tests/bench/pages.py bundle/ --threads 1,2 -o json

The two take turns, token by token, so that a change in the machine's speed meets both. What the system
maps with huge pages by itself, because the file was written or read in large pieces, shows no
difference; ``mapped_huge_mb`` says how much that is.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from decoding import read_options, run, show
from lutwerk.manifest import read_folder
from lutwerk.native import Model, Session
from report import Circumstances


@dataclass(frozen=True)
class Row:
    """Medians; ``ratio`` is the median of how many times as fast each round's held token is."""

    model: str
    threads: int
    positions: int
    mapped_ms: float
    held_ms: float
    ratio: float
    mapped_huge_mb: float
    rounds: int


def huge_megabytes(smaps: str, path: Path) -> float:
    """MB of ``path`` that the text of /proc/self/smaps says are mapped with huge pages."""
    kilobytes, ours = 0, False
    for line in smaps.splitlines():
        key, *rest = line.split()
        if not key.endswith(":"):  # the first line of a mapping, which ends with its file
            ours = line.endswith(str(path))
        elif ours and key == "FilePmdMapped:":
            kilobytes += int(rest[0])
    return round(kilobytes * 1024 / 1e6, 1)


def _milliseconds(session: Session, positions: int) -> float:
    session.truncate(positions)
    begin = time.perf_counter()
    session.eval_top([0], 1)
    return 1e3 * (time.perf_counter() - begin)


def measure(path: Path, name: str, threads: int, positions: int, rounds: int) -> Row:
    """Let both take turns for some rounds; a first token of each is not counted."""
    models = [Model(path), Model(path, resident=True)]
    try:
        sessions = [Session(m, context=positions + 1, threads=threads) for m in models]
        prompt = np.random.default_rng(0).integers(0, models[0].info.vocab, positions)
        for session in sessions:
            if positions:
                session.eval(prompt, rows=0)
            _milliseconds(session, positions)
        times = [[_milliseconds(session, positions) for session in sessions] for _ in range(rounds)]
        mapped, held = zip(*times, strict=True)
        return Row(
            model=name,
            threads=threads,
            positions=positions,
            mapped_ms=round(statistics.median(mapped), 3),
            held_ms=round(statistics.median(held), 3),
            ratio=round(statistics.median(m / h for m, h in times), 3),
            mapped_huge_mb=huge_megabytes(Path("/proc/self/smaps").read_text(), path.resolve()),
            rounds=rounds,
        )
    finally:
        for model in models:
            model.close()


def text(row: Row) -> str:
    """Return the row as a line for people."""
    return (
        f"{row.model}, {row.threads} thread(s): mapped {row.mapped_ms:.2f} ms a token "
        f"({row.mapped_huge_mb:.0f} MB in huge pages), held {row.held_ms:.2f} ms: "
        f"{row.ratio:.3f} times as fast"
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    options = read_options(__doc__, arguments, positions=100, rounds=50)
    where = Circumstances.here()
    folder = read_folder(options.bundle)
    for threads in options.threads:
        row = measure(folder.model, folder.name, threads, options.positions, options.rounds)
        show(row, text, where, as_json=options.as_json)
    return 0


if __name__ == "__main__":
    run(main, "pages.py")
