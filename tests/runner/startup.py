"""Time from the start of a bundle's program to its first token: `python startup.py BUNDLE [RUNS]`.

The model is read once before, so that it is in the page cache. The start is the life of the process without
what the program itself calls evaluation and sampling: loading, validation, memory, threads, end.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path


def measure(bundle: Path) -> tuple[float, float]:
    """Seconds of the start, and of evaluating the prompt."""
    began = time.perf_counter()
    done = subprocess.run(
        [bundle / "run", "--json", "-p", "Hello", "-n", "1"], capture_output=True, check=True
    )
    seconds = time.perf_counter() - began
    result = json.loads(done.stdout)
    return seconds - result["prompt_seconds"] - result["eval_seconds"], result["prompt_seconds"]


def main(folder: str, runs: str = "15") -> None:
    """Print medians and ranges in milliseconds."""
    bundle = Path(folder)
    size = len((bundle / "model.lw").read_bytes())
    starts, prompts = zip(*(measure(bundle) for _ in range(int(runs))), strict=True)
    print(f"model.lw {size / 1e6:.1f} MB, {runs} runs")
    for name, seconds in (("start", starts), ("prompt", prompts)):
        times = sorted(1e3 * s for s in seconds)
        print(f"{name:8}{statistics.median(times):8.1f} ms ({times[0]:.1f} to {times[-1]:.1f})")


if __name__ == "__main__":
    main(*sys.argv[1:])
