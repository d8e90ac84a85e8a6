"""Decode with two threads while another process keeps one core busy: does it collapse?

    python tests/bench/contention.py bundle/ -o json

Takes turns between one thread, two threads, and two threads beside a busy process; prints medians in
tokens per second. On a machine with two processors the last should be near the first: the busy
process has one of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from lutwerk import LutwerkError
from lutwerk.cli.options import integer
from lutwerk.manifest import read_folder
from lutwerk.native import Model, Session
from report import Circumstances

TOKENS = 40
#: For the busy process to be running before the clock starts.
SETTLE_S = 0.3
CASES = ("1 thread", "2 threads", "2 beside a busy one")


def tokens_per_second(session: Session) -> float:
    """Speed of decode from a short prompt."""
    session.truncate(0)
    session.eval([0, 1, 2])
    session.eval_top([3], 1)
    begin = time.perf_counter()
    for _ in range(TOKENS):
        session.eval_top([4], 1)
    return TOKENS / (time.perf_counter() - begin)


def beside_a_busy_process(session: Session) -> float:
    """Speed of decode while a process computes without end."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(SETTLE_S)
        return tokens_per_second(session)
    finally:
        busy.kill()
        busy.wait()


def rows(model: str, figures: dict[str, list[float]]) -> list[dict[str, object]]:
    """Return a row for each case: median, deviation, and ratio to one thread."""
    medians = {case: statistics.median(figures[case]) for case in CASES}
    return [
        {
            "model": model,
            "case": case,
            "tokens_per_second": round(medians[case], 2),
            "sd": round(statistics.stdev(figures[case]), 2) if len(figures[case]) > 1 else 0.0,
            "of_1_thread": round(medians[case] / medians[CASES[0]], 3),
        }
        for case in CASES
    ]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("bundle", type=Path)
    add("-r", "--repetitions", type=integer(1), default=5, help="5")
    add("-o", "--output", choices=("text", "json"), default="text", help="text")
    options = parser.parse_args(arguments)
    run = {"run": asdict(Circumstances.here())}
    folder = read_folder(options.bundle)
    model = Model(folder.model, resident=True)
    figures: dict[str, list[float]] = {case: [] for case in CASES}
    try:
        one, two = (Session(model, threads=n, context=TOKENS + 4) for n in (1, 2))
        for _ in range(options.repetitions):
            figures[CASES[0]].append(tokens_per_second(one))
            figures[CASES[1]].append(tokens_per_second(two))
            figures[CASES[2]].append(beside_a_busy_process(two))
    finally:
        model.close()
    for row in rows(folder.name, figures):
        if options.output == "json":
            print(json.dumps(row | run))
        else:
            print(
                f"{row['case']:20} {row['tokens_per_second']:6} ± {row['sd']} tokens/s, "
                f"{row['of_1_thread']} of 1 thread"
            )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LutwerkError as error:
        sys.exit(f"contention.py: {error}")
