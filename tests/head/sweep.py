"""Ask the two-stage head about as many cases as you like and compare every answer with the full head.

    python tests/head/sweep.py --cases 1000000 --data ../shared/data

Prints progress, then a summary; --json prints it for programs. Setup I of seed S can be run alone with
--seed S --first I --cases 1.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import numpy as np

import lutwerk
from cases import Tally, draw_setup, record, run
from lutwerk.bundle import load
from lutwerk.model_file import read_model_file

#: Checkpoints below --data, and the text that runs through them.
REAL = ("tinystories-bitnet/offline", "stories260K")
TEXT = "text/tinystories-heldout.txt"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--cases", type=int, default=20_000, metavar="N", help="at least (default: 20000)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--first", type=int, default=0, metavar="I", help="setup to begin with")
    parser.add_argument(
        "--data", type=Path, help="folder with real checkpoints, whose heads are asked too"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    total = Tally()
    began = time.monotonic()
    if arguments.data:
        with tempfile.TemporaryDirectory() as folder:
            for name in REAL:
                total.add(run_checkpoint(arguments.data, name, Path(folder)))
    with ProcessPoolExecutor(arguments.jobs) as pool:
        indices = itertools.count(arguments.first)
        pending: deque[tuple[int, Future[Tally]]] = deque()
        while total.cases < arguments.cases:
            while len(pending) < 2 * arguments.jobs:
                index = next(indices)
                pending.append((index, pool.submit(run_setup, arguments.seed, index)))
            index, future = pending.popleft()
            found = future.result()
            if found.failures or found.unlike_oracle:
                print(f"\nsetup {index} of seed {arguments.seed} failed", file=sys.stderr)
            total.add(found)
            _progress(total, arguments.cases, began)
        for _, future in pending:
            future.cancel()
    print(file=sys.stderr)
    print(json.dumps(summary(total), indent=2) if arguments.json else report(total))
    return 1 if total.failures else 0


def run_setup(seed: int, index: int) -> Tally:
    """Run one setup in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return run(draw_setup(seed, index), Path(folder))


def _progress(total: Tally, wanted: int, began: float) -> None:
    seconds = time.monotonic() - began
    print(
        f"\r{total.cases} of {wanted} cases, {total.failures} failures, {seconds:.0f} s",
        end="",
        file=sys.stderr,
        flush=True,
    )


def run_checkpoint(data: Path, name: str, folder: Path, *, tokens: int = 2048) -> Tally:
    """Ask the head of a real checkpoint about the states that a real text leads to."""
    output = folder / name.replace("/", "-")
    lutwerk.compile(data / name, output, head="i57g64", layouts=(("*", "split"),))
    stored = read_model_file(output / "model.lw")
    assert stored.tensors[stored.ops["tensor"][-1]].layout.name == "split"
    text = (data / TEXT).read_text(encoding="utf-8")
    tally = Tally()
    with load(output) as bundle:
        ids = bundle.tokenize(text)[:tokens]
        window = min(256, bundle.context)
        for begin in range(0, len(ids), window):
            part = ids[begin : begin + window]
            expected = bundle.logits(part)
            for top in (1, 2, 8):
                bundle.session.truncate(0)
                for token, logits in zip(part, expected, strict=True):
                    before = bundle.session.head_stats()
                    got = bundle.session.eval_top([token], top)
                    record(tally, name, top, got, logits, bundle.session.head_stats() - before)
    return tally


def summary(total: Tally) -> dict:
    return {
        "cases": total.cases,
        "failures": total.failures,
        "full_head": total.full,
        "unlike_oracle": total.unlike_oracle,
        "worst_error_over_bound": total.worst_error,
        "survivors": [
            {
                "head": kind,
                "vocabulary": size,
                "top": top,
                "cases": len(shares),
                "median": float(np.median(shares)),
                "p99": float(np.quantile(shares, 0.99)),
            }
            for (kind, size, top), shares in sorted(total.shares.items())
        ],
    }


def report(total: Tally) -> str:
    found = summary(total)
    lines = [
        f"cases {found['cases']}, failures {found['failures']}, answered by the full head {found['full_head']}, "
        f"unlike the oracle {found['unlike_oracle']}, greatest error over its bound "
        f"{found['worst_error_over_bound']:.3f}",
        "",
        "| head | vocabulary | wanted | cases | survivors, median | 99% |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in found["survivors"]:
        cells = [row["head"], row["vocabulary"], row["top"], row["cases"]]
        cells += [f"{row['median']:.2%}", f"{row['p99']:.2%}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
