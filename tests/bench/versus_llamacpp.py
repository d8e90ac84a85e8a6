"""Decode and prefill of lutwerk beside llama.cpp, on a model of the same shape, in one run.

    pip install ".[bench]"
    python tests/bench/versus_llamacpp.py bitnet-b1.58-2B-4T --cache build/versus

Compiles ``synthetic:SHAPE``, writes a GGUF file of that shape with random weights, and lets both
sides take turns, repetition by repetition, so that a change in the machine's speed meets both.
Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from gguf_model import BLOCK_TYPES, write_gguf
from report import Row, Run, json_lines, markdown
from sides import Side, Test

from lutwerk import __version__
from lutwerk.frontends import read_checkpoint

HERE = Path(__file__).parent


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _tests(text: str) -> list[Test]:
    try:
        return [Test.parse(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shape", help="a model that `lutwerk compile synthetic:SHAPE` knows")
    parser.add_argument("--cache", type=Path, required=True, help="folder for bundle and GGUF file")
    parser.add_argument("--bundle", type=Path, help="measure this bundle instead of compiling one")
    parser.add_argument("--quant", default="auto", help="our quantiser of the layers (auto)")
    parser.add_argument("--head", default="auto", help="our quantiser of the head (auto)")
    parser.add_argument("--peer-type", default="TQ2_0", choices=BLOCK_TYPES, help="TQ2_0")
    parser.add_argument("--peer-head", default="Q6_K", choices=BLOCK_TYPES, help="Q6_K")
    parser.add_argument("--tests", type=_tests, default="pp512,tg128", help="pp512,tg128")
    parser.add_argument("-t", "--threads", type=_numbers, default="1,2", help="1,2")
    parser.add_argument("-r", "--repetitions", type=int, default=5, help="5")
    parser.add_argument("-o", "--output", choices=("md", "json"), default="md", help="md")
    return parser.parse_args()


def _compile(options: argparse.Namespace) -> Path:
    """Compile the shape anew, so that the figures are those of the installed lutwerk."""
    bundle: Path = options.cache / f"{options.shape}-{options.quant}-{options.head}"
    command = [sys.executable, "-m", "lutwerk", "compile", f"synthetic:{options.shape}"]
    command += ["-o", str(bundle), "--force", "--quant", options.quant, "--head", options.head]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return bundle


def _gguf(options: argparse.Namespace) -> Path:
    """Return the peer's file of the shape, written once per cache."""
    path: Path = options.cache / f"{options.shape}-{options.peer_type}-{options.peer_head}.gguf"
    if not path.exists():
        config = read_checkpoint(
            f"synthetic:{options.shape}", max_context=None, seed=0
        ).graph.config
        try:
            write_gguf(path, config, options.peer_type, options.peer_head)
        except ValueError as error:
            raise SystemExit(
                f"{options.shape} has no such GGUF: {error}; try other types"
            ) from None
    return path


Case = tuple[int, Test]


def _alternate(
    cases: list[Case], ours: Side, theirs: Side, repetitions: int
) -> dict[Case, tuple[list[float], list[float]]]:
    """Return for each case (threads, test) our tokens per second and theirs, by repetition.

    The sides take turns at going first. An unrecorded round before warms caches and page tables.
    """
    speeds: dict[Case, tuple[list[float], list[float]]] = {case: ([], []) for case in cases}
    for repetition in range(repetitions + 1):
        label = f"{repetition}/{repetitions}" if repetition else "warm-up"
        order = (("lutwerk", ours, 0), ("llama.cpp", theirs, 1))
        for case in cases:
            threads, test = case
            for name, side, index in order if repetition % 2 else order[::-1]:
                speed = side.measure(test, threads)
                print(f"{label} {test} t{threads} {name} {speed:.2f}", file=sys.stderr)
                if repetition:
                    speeds[case][index].append(speed)
    return speeds


def main() -> int:
    """Compare and print."""
    options = _arguments()
    options.cache.mkdir(parents=True, exist_ok=True)
    theirs_file = _gguf(options)
    bundle: Path = options.bundle or _compile(options)
    used = json.loads((bundle / "manifest.json").read_text())["quantization"]
    names = {
        "shape": options.shape,
        "format": f"{used['linear']}, head {used['head']}",
        "peer": "llama.cpp",
        "peer_type": f"{options.peer_type}, head {options.peer_head}",
    }
    cases = [(threads, test) for threads in options.threads for test in options.tests]
    context = max(test.tokens for test in options.tests)
    with (
        Side(HERE / "side_lutwerk.py", bundle, context) as ours,
        Side(HERE / "side_llamacpp.py", theirs_file, context) as theirs,
    ):
        run = Run.here(
            lutwerk=f"{__version__} ({ours.description})",
            peer=theirs.description,
            ours=bundle / "model.lw",
            theirs=theirs_file,
            repetitions=options.repetitions,
        )
        speeds = _alternate(cases, ours, theirs, options.repetitions)
    rows = [
        Row.from_speeds(names, threads, str(test), *speeds[threads, test])
        for threads, test in cases
    ]
    print(markdown(run, rows) if options.output == "md" else json_lines(run, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
