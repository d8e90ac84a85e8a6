"""``lutwerk tune``."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from lutwerk.cli.options import add_json, integer, real

HELP = """Measure this machine, for `lutwerk compile --tuning FILE`.

Times the kernels of every layout and format on made-up matrices, in the cache and from memory, and
writes a tuning record. Takes a minute or two on an otherwise idle machine. Each result is kept as
soon as it is there: run the command again to go on after an interruption.
"""

EXAMPLE = """examples:
  lutwerk tune -o machine.toml
  lutwerk tune -o machine-avx2.toml --target x86-64-v3
  lutwerk compile path/to/checkpoint -o bundle --tuning machine.toml
  lutwerk inspect bundle --plan --measure --tuning machine.toml
"""

#: Together the matrices that are read from memory are so many times larger than the last cache.
_CACHES = 3
_LEAST_MIB = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("lutwerk-tuning.toml"),
        metavar="FILE",
        help="tuning record to write or to finish (default: lutwerk-tuning.toml)",
    )
    parser.add_argument(
        "--target", default="host", help="device class whose kernels to measure (default: host)"
    )
    parser.add_argument(
        "--seconds",
        type=real(0.0, 60.0),
        default=0.2,
        metavar="S",
        help="time of each of about 100 measurements (default: 0.2)",
    )
    parser.add_argument(
        "--memory",
        type=integer(1, 2**16),
        metavar="MIB",
        help="size of the matrices that are read from memory (default: three times the last cache)",
    )
    add_json(parser, "the record and the checks")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from dataclasses import asdict

    from lutwerk.errors import LutwerkError
    from lutwerk.progress import console_progress
    from lutwerk.targets import load_target
    from lutwerk.tune import TuneOptions, cache_mib, machine_name, tune

    folder = arguments.output.parent
    if not folder.is_dir():
        raise LutwerkError(f"{folder}: no such folder; create it first, or choose another -o")
    target = load_target(arguments.target)
    memory = arguments.memory or max(
        _LEAST_MIB, round(_CACHES * (cache_mib() or target.speed.cache_mib))
    )
    options = TuneOptions(arguments.seconds, memory)
    machine, checks = tune(
        target, arguments.output, f"lutwerk tune on {machine_name()}", options, console_progress()
    )
    if arguments.json:
        print(json.dumps({**asdict(machine), "checks": [asdict(c) for c in checks]}, indent=2))
        return 0

    from lutwerk.cli.table import columns

    bandwidth = ", ".join(f"{gbs:.1f}" for gbs in machine.bandwidth)
    print(f"{arguments.output}: {machine.source}, kernels of {target.isa}")
    print(f"  read bandwidth of 1, 2, ... cores: {bandwidth} GB/s")
    if not checks:
        print("  nothing was left to measure; remove the file to measure again")
    else:
        header = ["product", "layout", "tokens", "threads", "predicted us", "measured us", "ratio"]
        rows = [
            [
                f"{check.product.rows} x {check.product.cols} {check.product.format}",
                check.product.layout,
                str(check.tokens),
                str(check.threads),
                f"{check.predicted * 1e6:.1f}",
                f"{check.measured * 1e6:.1f}",
                f"{check.measured / check.predicted:.2f}",
            ]
            for check in checks
        ]
        print("prediction against measurement, from memory:")
        print(columns([header, *rows], right=range(2, 7)))
    record = shlex.quote(str(arguments.output))
    print(f"next: lutwerk compile CHECKPOINT -o bundle --tuning {record}")
    return 0
