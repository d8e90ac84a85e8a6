"""``lutwerk bench``."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lutwerk.cli.options import add_bundle, add_full_head, bundle_path, integer, integers

if TYPE_CHECKING:
    from lutwerk.native import Session

HELP = """Measure tokens per second, in the manner of llama-bench.

ppN evaluates N prompt tokens from an empty context; tgN evaluates N tokens one by one from an empty
context, each with the logits that `lutwerk run` would want. Tokens are random, sampling is not
counted, the first run of each test warms up and is dropped.
"""

EXAMPLE = """examples:
  lutwerk bench bundle
  lutwerk bench -m bundle -p 512 -n 128 -t 1,2 -r 5
  lutwerk bench bundle -p 0 -n 64 -o json

-o json prints one object per line, with the keys of llama-bench where it has them.
"""

_HEADER = ("model", "size", "params", "isa", "threads", "test", "t/s")
_WIDTHS = (30, 10, 8, 7, 7, 7, 20)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add_bundle(parser)
    parser.add_argument(
        "-p",
        "--n-prompt",
        type=integers(0),
        default=[512],
        metavar="N,...",
        help="prompt lengths; 0 for none (default: 512)",
    )
    parser.add_argument(
        "-n",
        "--n-gen",
        type=integers(0),
        default=[128],
        metavar="N,...",
        help="numbers of generated tokens; 0 for none (default: 128)",
    )
    parser.add_argument(
        "-t",
        "--threads",
        type=integers(1, 256),
        metavar="N,...",
        help="numbers of threads (default: one for each processor that this process may use)",
    )
    parser.add_argument(
        "-r", "--repetitions", type=integer(1), default=5, metavar="N", help="runs (default: 5)"
    )
    parser.add_argument(
        "--top-k",
        type=integer(0, 2**31),
        default=40,
        metavar="N",
        help="of tg, with a two-stage head: the N greatest logits are wanted; 0: all (default: 40)",
    )
    add_full_head(parser)
    parser.add_argument("--pin", action="store_true", help="pin each thread to a processor")
    parser.add_argument(
        "-o",
        "--output",
        choices=("md", "json"),
        default="md",
        help="table or JSON lines (default: md)",
    )


@dataclass(frozen=True)
class Row:
    """One line of the table; ``*_ts`` are tokens per second, ``head`` counts what a two-stage head did."""

    model: str
    model_size: int
    model_n_params: int
    target: str
    isa: str
    n_threads: int
    test: str
    n_prompt: int
    n_gen: int
    avg_ts: float
    stddev_ts: float
    samples_ts: list[float]
    head: dict[str, int] | None


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lutwerk.manifest import read_folder
    from lutwerk.native import Model, Session, default_threads

    tests = [(n, 0) for n in arguments.n_prompt if n] + [(0, n) for n in arguments.n_gen if n]
    if not tests:
        arguments.parser.error("no test is left; give -p or -n above 0")
    folder = read_folder(bundle_path(arguments))
    model = Model(folder.model, resident=True)
    as_json = arguments.output == "json"
    try:
        _check_lengths(tests, model.info.max_context)
        two_stages = model.has_two_stage_head and not arguments.full_head
        if not as_json:
            print(_header(), flush=True)
        for threads in arguments.threads or [default_threads()]:
            for prompt, generated in tests:
                with Session(
                    model, context=prompt + generated, threads=threads, pin=arguments.pin
                ) as session:
                    top = None if prompt or not two_stages else arguments.top_k
                    samples = measure(session, prompt, generated, arguments.repetitions, top)
                    row = Row(
                        folder.name,
                        model.info.weight_bytes,
                        folder.manifest["model"]["parameters"],
                        folder.manifest["target"],
                        session.isa,
                        threads,
                        f"pp{prompt}" if prompt else f"tg{generated}",
                        prompt,
                        generated,
                        statistics.fmean(samples),
                        statistics.stdev(samples) if len(samples) > 1 else 0.0,
                        samples,
                        None if top is None else asdict(session.head_stats()),
                    )
                print(json.dumps(asdict(row)) if as_json else _markdown(row), flush=True)
    finally:
        model.close()
    return 0


def _check_lengths(tests: Sequence[tuple[int, int]], context: int) -> None:
    """Refuse tests that exceed the context before any is measured."""
    from lutwerk.errors import LutwerkError

    for prompt, generated in tests:
        if prompt + generated > context:
            raise LutwerkError(
                f"a test of {prompt + generated} tokens exceeds the context of {context} that this "
                f"model has; give a smaller {'-p' if prompt else '-n'}"
            )


def measure(
    session: Session, prompt: int, generated: int, repetitions: int, top: int | None
) -> list[float]:
    """Tokens per second of each repetition of one test, after a run that warms up.

    ``top``: how many of the greatest logits are wanted of each step; None for all, by the full head.
    """
    import numpy as np

    # One seed for all: the speed of some kernels depends on the data, and runs must be comparable.
    generator = np.random.default_rng(0)
    count = prompt + generated
    tokens = generator.integers(0, session.model.info.vocab, count, dtype=np.uint32)
    steps = [tokens] if prompt else np.split(tokens, count)
    samples = []
    for repetition in range(repetitions + 1):
        session.truncate(0)
        began = time.perf_counter()
        for step in steps:
            if top is None:
                session.eval(step)
            else:
                session.eval_top(step, top)
        if repetition:
            samples.append(count / (time.perf_counter() - began))
    return samples


def _line(cells: Sequence[str]) -> str:
    """A markdown row in columns of fixed width, so that rows can be printed as they are measured."""
    first = cells[0].ljust(_WIDTHS[0])
    rest = [cell.rjust(width) for cell, width in zip(cells[1:], _WIDTHS[1:], strict=True)]
    return f"| {' | '.join([first, *rest])} |"


def _header() -> str:
    rule = ["-" * width for width in _WIDTHS]
    return f"{_line(_HEADER)}\n{_line([rule[0], *(dashes[:-1] + ':' for dashes in rule[1:])])}"


def _markdown(row: Row) -> str:
    from lutwerk.units import format_bytes, format_count

    return _line(
        (
            row.model,
            format_bytes(row.model_size),
            format_count(row.model_n_params),
            row.isa,
            str(row.n_threads),
            row.test,
            f"{row.avg_ts:.2f} ± {row.stddev_ts:.2f}",
        )
    )
