"""Decode with two threads while another process keeps one core busy: does it collapse?

    python tests/bench/contention.py bundle/

Takes turns between one thread, two threads, and two threads beside a busy process; prints medians in tokens per second.
On a machine with two processors the last should be near the first: the busy process has one of them.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from lutwerk.native import Model, Session

ROUNDS = 4
TOKENS = 40
#: For the busy process to be running before the clock starts.
SETTLE_S = 0.3


def tokens_per_second(session: Session) -> float:
    session.truncate(0)
    session.eval([0, 1, 2])
    session.eval([3])
    begin = time.perf_counter()
    for _ in range(TOKENS):
        session.eval([4])
    return TOKENS / (time.perf_counter() - begin)


def main() -> None:
    model = Model(Path(sys.argv[1]) / "model.lw")
    one, two = (Session(model, threads=n, context=TOKENS + 4) for n in (1, 2))
    measured: dict[str, list[float]] = {"1 thread": [], "2 threads": [], "2 beside a busy one": []}
    for _ in range(ROUNDS):
        measured["1 thread"].append(tokens_per_second(one))
        measured["2 threads"].append(tokens_per_second(two))
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            time.sleep(SETTLE_S)
            measured["2 beside a busy one"].append(tokens_per_second(two))
        finally:
            busy.kill()
            busy.wait()
    medians = {name: statistics.median(values) for name, values in measured.items()}
    for name, value in medians.items():
        print(f"{name:20} {value:6.1f} tokens/s, {value / medians['1 thread']:.2f} of 1 thread")


if __name__ == "__main__":
    main()
