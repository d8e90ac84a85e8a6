"""Decode and prefill of lutwerk beside llama.cpp, on a model of the same shape, in one run.

    pip install ".[bench]"
    python tests/bench/versus.py --shape bitnet-b1.58-2B-4T --threads 1,2 -o json

Compiles ``synthetic:SHAPE``, writes a GGUF file of that shape with random weights, and lets both
sides take turns, repetition by repetition, so that a change in the machine's speed meets both.
Run it on an otherwise idle machine. Files of some gigabytes stay in the cache folder.

Give the peer its best setting: ``--peer-repack off`` prefills faster with some types. To compare on
AVX2 alone, limit both: ours by ``--isa avx2``, the peer by ``--peer-python``, an interpreter whose
llama-cpp-python was built without the rest:

    python -m venv build/avx2
    CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX512=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON" \\
        build/avx2/bin/pip install --no-binary llama-cpp-python llama-cpp-python
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from gguf_model import BLOCK_TYPES, write_gguf
from lutwerk import LutwerkError, __version__
from lutwerk.frontends import read_checkpoint
from lutwerk.native import ISAS
from report import Row, Run, json_lines, markdown
from sides import Side, SideError, Test

HERE = Path(__file__).parent


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _tests(text: str) -> list[Test]:
    try:
        return [Test.parse(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _default_cache() -> Path:
    """Return the folder for this program in the user's cache, by the XDG rules."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lutwerk" / "versus"


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--shape", required=True, help="a model that `lutwerk compile synthetic:SHAPE` knows")
    add("-t", "--threads", type=_numbers, default="1,2", help="1,2")
    add("-o", "--output", choices=("md", "json"), default="md", help="md")
    add("-r", "--repetitions", type=int, default=5, help="5")
    add("--tests", type=_tests, default="pp512,tg128", help="pp512,tg128")
    add("--cache", type=Path, default=_default_cache(), help="folder for bundle and GGUF file")
    ours = parser.add_argument_group("our side")
    ours.add_argument("--bundle", type=Path, help="measure this bundle instead of compiling one")
    ours.add_argument("--quant", default="auto", help="quantiser of the layers (auto)")
    ours.add_argument("--head", default="auto", help="quantiser of the head (auto)")
    ours.add_argument("--target", default="host", help="device class to compile for (host)")
    ours.add_argument("--isa", choices=ISAS, help="highest instruction set to run (the best here)")
    peer = parser.add_argument_group("the peer, llama.cpp")
    peer.add_argument("--peer-type", default="TQ2_0", choices=BLOCK_TYPES, help="TQ2_0")
    peer.add_argument("--peer-head", default="Q6_K", choices=BLOCK_TYPES, help="Q6_K")
    peer.add_argument("--peer-repack", default="on", choices=("on", "off"), help="on")
    peer.add_argument("--peer-python", default=sys.executable, help="interpreter that has it")
    return parser.parse_args(arguments)


def _compile(options: argparse.Namespace) -> Path:
    """Compile the shape anew, so that the figures are those of the installed lutwerk."""
    name = "-".join([options.shape, options.target, options.quant, options.head])
    bundle: Path = options.cache / name
    command = [sys.executable, "-m", "lutwerk", "compile", f"synthetic:{options.shape}"]
    command += ["-o", str(bundle), "--force", "--target", options.target]
    command += ["--quant", options.quant, "--head", options.head]
    status = subprocess.run(command, check=False, stdout=sys.stderr).returncode
    if status:
        raise SystemExit(status)
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
            ) from error
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


def main(arguments: list[str] | None = None) -> int:
    """Compare and print."""
    options = _arguments(arguments)
    options.cache.mkdir(parents=True, exist_ok=True)
    theirs_file = _gguf(options)
    bundle: Path = options.bundle or _compile(options)
    used = json.loads((bundle / "manifest.json").read_text())["quantization"]
    unpacked = ", no repack" if options.peer_repack == "off" else ""
    names = {
        "shape": options.shape,
        "format": f"{used['linear']}, head {used['head']}",
        "peer": "llama.cpp",
        "peer_type": f"{options.peer_type}, head {options.peer_head}{unpacked}",
    }
    cases = [(threads, test) for threads in options.threads for test in options.tests]
    limit = {"LUTWERK_ISA": options.isa} if options.isa else {}
    context = max(test.tokens for test in options.tests)
    with (
        Side(HERE / "side_lutwerk.py", bundle, context, **limit) as ours,
        Side(
            HERE / "side_llamacpp.py",
            theirs_file,
            context,
            options.peer_repack,
            python=options.peer_python,
        ) as theirs,
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
    try:
        sys.exit(main())
    except (LutwerkError, SideError) as error:
        sys.exit(f"versus.py: {error}")
