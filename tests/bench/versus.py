"""Decode, prefill and first token of lutwerk beside llama.cpp, on models of one shape, in one run.

    pip install ".[bench]"
    python tests/bench/versus.py --shape bitnet-b1.58-2B-4T --threads 1,2 -o json
    python tests/bench/versus.py --shape llama-3.2-1b --quant i4g128

Compiles ``synthetic:SHAPE``, writes GGUF files of that shape with random weights in llama.cpp's
types of that size, and lets all sides take turns, repetition by repetition, so that a change in the
machine's speed meets all. Run it on an otherwise idle machine. Files of some gigabytes stay in the
cache folder.

Tests: ppN evaluates N tokens at once and tgN one by one, in tokens/s; firstN is the time in ms from
an empty context to the first token after a prompt of N, sampled greedily. ``ratio`` says how many
times as fast we are, whatever the unit; ``best`` marks the fastest peer of each test.

README.md beside this file says how to hold both sides to AVX2 (--isa, --peer-python).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from gguf_model import BLOCK_TYPES, write_gguf
from lutwerk import LutwerkError
from lutwerk.cli.options import integer, integers
from lutwerk.frontends import read_checkpoint
from lutwerk.native import ISAS
from lutwerk.targets import list_targets
from peers import Peer, parse_peers, peers_beside
from report import Circumstances, Run, compare, json_lines, markdown
from sides import Side, SideError, Test

HERE = Path(__file__).parent
OURS = "lutwerk"
T = TypeVar("T")


def _checked(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Let a parser's ValueError be the message of a wrong argument."""

    def read(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def _tests(text: str) -> list[Test]:
    return [Test.parse(part) for part in text.split(",")]


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
    add("-t", "--threads", type=integers(1, 256), default="1,2", help="1,2")
    add("-o", "--output", choices=("md", "json"), default="md", help="md")
    add("-r", "--repetitions", type=integer(1), default=5, help="5")
    tests = "pp512,tg128,first128"
    add("--tests", type=_checked(_tests), default=tests, help=tests)
    add("--cache", type=Path, default=_default_cache(), help="folder for bundle and GGUF files")
    ours = parser.add_argument_group("our side")
    ours.add_argument("--bundle", type=Path, help="measure this bundle instead of compiling one")
    ours.add_argument("--quant", default="auto", help="quantiser of the layers (auto)")
    ours.add_argument("--head", default="auto", help="quantiser of the head (auto)")
    ours.add_argument("--target", help="device class to compile for (host, or one of --isa)")
    ours.add_argument("--isa", choices=ISAS, help="highest instruction set to run (the best here)")
    peer = parser.add_argument_group("the peer, llama.cpp")
    peer.add_argument(
        "--peers",
        type=_checked(parse_peers),
        help="types of the layers, such as Q4_K,Q4_K:no-repack (those of our size)",
    )
    peer.add_argument("--peer-head", default="Q6_K", choices=BLOCK_TYPES, help="Q6_K")
    peer.add_argument("--peer-python", default=sys.executable, help="interpreter that has it")
    return parser.parse_args(arguments)


def _compile(options: argparse.Namespace) -> Path:
    """Compile the shape anew, so that the figures are those of the installed lutwerk.

    With ``--isa`` for a target of that instruction set: the planner then chooses by its speeds.
    """
    target = options.target or "host"
    if options.isa and not options.target:
        target = next(t.name for t in list_targets() if t.isa == options.isa)
    bundle: Path = options.cache / "-".join([options.shape, target, options.quant, options.head])
    command = [sys.executable, "-m", "lutwerk", "compile", f"synthetic:{options.shape}"]
    command += ["-o", str(bundle), "--force", "--target", target]
    command += ["--quant", options.quant, "--head", options.head]
    status = subprocess.run(command, check=False, stdout=sys.stderr).returncode
    if status:
        raise SystemExit(status)
    return bundle


def _gguf(options: argparse.Namespace, peer: Peer) -> Path:
    """Return the peer's file of the shape, written once per cache."""
    path: Path = options.cache / f"{options.shape}-{peer.kind}-{options.peer_head}.gguf"
    if not path.exists():
        config = read_checkpoint(
            f"synthetic:{options.shape}", max_context=None, seed=0
        ).graph.config
        try:
            write_gguf(path, config, peer.kind, options.peer_head)
        except ValueError as error:
            raise SystemExit(
                f"versus.py: {options.shape} has no such GGUF: {error}; try other --peers"
            ) from error
    return path


def _check_limit(isa: str | None, description: str) -> None:
    """Refuse a peer that runs AVX-512 beside our lower instruction set."""
    if isa and ISAS.index(isa) < ISAS.index("avx512") and "AVX512" in description:
        raise SideError(
            f"--isa {isa} holds us, but not the peer, which has {description}; "
            "tests/bench/README.md says how to build one for --peer-python"
        )


Case = tuple[int, Test]


def _alternate(
    cases: list[Case], sides: dict[str, Side], repetitions: int
) -> dict[Case, dict[str, list[float]]]:
    """Return for each case (threads, test) what each side took, in the test's unit, by repetition.

    Sides take turns at going first. An unrecorded round before warms caches and page tables.
    """
    names = list(sides)
    values: dict[Case, dict[str, list[float]]] = {case: {n: [] for n in names} for case in cases}
    for repetition in range(repetitions + 1):
        label = f"{repetition}/{repetitions}" if repetition else "warm-up"
        first = repetition % len(names)
        for case in cases:
            threads, test = case
            for name in names[first:] + names[:first]:
                value = sides[name].measure(test, threads)
                print(f"{label} {test} t{threads} {name} {value:.2f} {test.unit}", file=sys.stderr)
                if repetition:
                    values[case][name].append(value)
    return values


def _names(options: argparse.Namespace, manifest: dict[str, Any], peer: Peer) -> dict[str, str]:
    used = manifest["quantization"]
    return {
        "shape": options.shape,
        "format": f"{used['linear']}, head {used['head']}",
        "peer": "llama.cpp",
        "peer_type": f"{peer.kind}, head {options.peer_head}{peer.setting}",
    }


def main(arguments: list[str] | None = None) -> int:
    """Compare and print."""
    options = _arguments(arguments)
    options.cache.mkdir(parents=True, exist_ok=True)
    bundle: Path = options.bundle or _compile(options)
    try:
        manifest = json.loads((bundle / "manifest.json").read_text())
        peers = options.peers or peers_beside(manifest["quantization"]["linear"])
    except (OSError, ValueError) as error:
        raise SystemExit(f"versus.py: {error}") from error
    files = {peer: _gguf(options, peer) for peer in peers}
    cases = [(threads, test) for threads in options.threads for test in options.tests]
    limit = {"LUTWERK_ISA": options.isa} if options.isa else {}
    context = max(test.tokens for test in options.tests)
    with ExitStack() as stack:
        ours = stack.enter_context(Side(HERE / "side_lutwerk.py", bundle, context, **limit))
        sides = {OURS: ours}
        for peer in peers:
            repack = "on" if peer.repack else "off"
            side = Side(
                HERE / "side_llamacpp.py",
                files[peer],
                context,
                repack,
                python=options.peer_python,
            )
            sides[str(peer)] = stack.enter_context(side)
            _check_limit(options.isa, side.description)
        run = Run(
            Circumstances.here(),
            ours=f"{ours.description}, for {manifest['target']}",
            ours_bytes=(bundle / "model.lw").stat().st_size,
            peer=sides[str(peers[0])].description,
            theirs_bytes={str(peer): file.stat().st_size for peer, file in files.items()},
            repetitions=options.repetitions,
        )
        values = _alternate(cases, sides, options.repetitions)
    names = {str(peer): _names(options, manifest, peer) for peer in peers}
    rows = [
        row
        for threads, test in cases
        for row in compare(
            names, threads, test, values[threads, test].pop(OURS), values[threads, test]
        )
    ]
    print(markdown(run, rows) if options.output == "md" else json_lines(run, rows))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (LutwerkError, SideError) as error:
        sys.exit(f"versus.py: {error}")
