"""``lutwerk demo``."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from pathlib import Path

from lutwerk.cli.options import add_threads, integer
from lutwerk.cli.run import add_seed, stream, times
from lutwerk.demo import CHECKPOINT, PROMPT, SEED, STOP, TEMPERATURE

HELP = """Compile the checkpoint that ships with lutwerk and tell a story.

Needs no network and no checkpoint. The model has 4.6 million ternary weights and knows small
stories only.
"""

EXAMPLE = """examples:
  lutwerk demo
  lutwerk demo -p "The little dog" --seed 3
  lutwerk demo -o bundle && lutwerk inspect bundle
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("-p", "--prompt", help=f"beginning of the story (default: {PROMPT})")
    parser.add_argument(
        "-n",
        "--n-predict",
        dest="max_tokens",
        type=integer(-1),
        default=256,
        metavar="N",
        help="tokens to write at most (default: 256)",
    )
    add_threads(parser)
    add_seed(parser, str(SEED))
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="keep the bundle in this folder (default: a temporary one)",
    )
    parser.add_argument("--force", action="store_true", help="with -o: replace an existing bundle")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.output is not None:
        return _tell(arguments, arguments.output)
    with tempfile.TemporaryDirectory(prefix="lutwerk-demo-") as folder:
        return _tell(arguments, Path(folder) / "bundle")


def _tell(arguments: argparse.Namespace, output: Path) -> int:
    from lutwerk.api import compile
    from lutwerk.bundle import load
    from lutwerk.cli.summary import memory_line, plan_line, size_line

    began = time.perf_counter()
    # A bundle that nobody keeps needs no program beside it.
    runner = None if arguments.output is None else "auto"
    manifest = compile(CHECKPOINT, output, force=arguments.force, runner=runner)
    seconds = time.perf_counter() - began
    prompt = PROMPT if arguments.prompt is None else arguments.prompt
    seed = SEED if arguments.seed is None else arguments.seed
    print(
        f"compiled  {manifest['name']} in {seconds:.1f} s: {size_line(manifest)}", file=sys.stderr
    )
    print(f"plan      {plan_line(manifest)}", file=sys.stderr)
    print(f"memory    {memory_line(manifest)}\n", file=sys.stderr)
    with load(output, threads=arguments.threads) as bundle:
        story = bundle.generate(
            prompt, max_tokens=arguments.max_tokens, temperature=TEMPERATURE, seed=seed, stop=[STOP]
        )
        stream(story, prompt)
        print(f"\nspeed     {times(story, bundle, seed)}", file=sys.stderr)
    if arguments.output is not None:
        print(f"next: lutwerk inspect {shlex.quote(str(output))}", file=sys.stderr)
    return 0
