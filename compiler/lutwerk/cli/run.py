"""``lutwerk run``."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lutwerk.cli.converse import converse
from lutwerk.cli.options import (
    add_bundle,
    add_full_head,
    add_json,
    add_threads,
    bundle_path,
    integer,
    real,
)

if TYPE_CHECKING:
    from lutwerk.bundle import Bundle
    from lutwerk.generation import Generation, Settings

HELP = """Continue a text, or answer with --chat, streaming it as it is written.

With --chat, the prompt is a message of yours, and the model answers by its chat template. Without
a prompt, it is a conversation: each line is a message, Ctrl-C ends an answer, Ctrl-D the
conversation. A bundle whose template could not be carried exactly refuses.

Text goes to stdout; times, the seed and the reason for the end go to stderr. The same seed gives
the same text on every machine, whatever its processor and number of threads.
"""

EXAMPLE = """examples:
  lutwerk run bundle -p "Once upon a time"
  lutwerk run -m bundle -f prompt.txt -n 256 --temp 0
  lutwerk run bundle -p "Once upon a time" --seed 7 --json | jq -r .text
  lutwerk run bundle --chat --system "Answer in one sentence."
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add_bundle(parser)
    prompt = parser.add_mutually_exclusive_group()
    prompt.add_argument("-p", "--prompt", help="text to continue, or the message with --chat")
    prompt.add_argument("-f", "--file", type=Path, help="file with that text; - for standard input")
    parser.add_argument(
        "--chat", action="store_true", help="answer as the model's chat template has it"
    )
    parser.add_argument(
        "--system",
        metavar="TEXT",
        help="with --chat: what the model is told before the conversation",
    )
    parser.add_argument(
        "-n",
        "--n-predict",
        dest="max_tokens",
        type=integer(-1),
        metavar="N",
        help="tokens to write at most; -1: until the model ends or the context is full "
        "(default: 128, with --chat -1)",
    )
    parser.add_argument(
        "-c",
        "--ctx-size",
        dest="context",
        type=integer(1),
        metavar="N",
        help="context, which prompt and answer share (default: the bundle's greatest)",
    )
    add_threads(parser)
    add_full_head(parser)
    add_sampling(parser)
    parser.add_argument(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help="end before this text; repeatable",
    )
    parser.add_argument(
        "--no-display-prompt",
        action="store_true",
        help="do not print the prompt before its continuation",
    )
    add_json(parser, "one object at the end, with text, tokens and times")


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """Add the choice of the next token."""
    group = parser.add_argument_group("sampling, applied in this order")
    group.add_argument(
        "--repeat-penalty",
        type=real(0.01, 100),
        default=1.0,
        metavar="X",
        help="make the last 64 tokens less likely; 1 is off (default: 1)",
    )
    group.add_argument(
        "--temp",
        dest="temperature",
        type=real(0, 100),
        default=0.8,
        metavar="X",
        help="0 takes the most likely token, more varies more (default: 0.8)",
    )
    group.add_argument(
        "--top-k",
        type=integer(0, 2**31),
        default=40,
        metavar="N",
        help="keep the N most likely tokens; 0 keeps all (default: 40)",
    )
    group.add_argument(
        "--top-p",
        type=real(0, 1),
        default=0.95,
        metavar="X",
        help="keep the fewest tokens that reach probability X; 1 keeps all (default: 0.95)",
    )
    group.add_argument(
        "--min-p",
        type=real(0, 1),
        default=0.05,
        metavar="X",
        help="drop tokens less likely than X times the most likely; 0 drops none (default: 0.05)",
    )
    add_seed(group, "a new one, printed at the end")


def add_seed(parser: argparse._ActionsContainer, default: str) -> None:
    """Add -s; ``default`` says what happens without."""
    parser.add_argument(
        "-s",
        "--seed",
        type=integer(0, 2**64 - 1),
        metavar="N",
        help=f"of the random choice (default: {default})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lutwerk.bundle import load

    if not all(arguments.stop):
        arguments.parser.error("argument --stop: a stop text is empty; give at least one character")
    prompt = arguments.prompt if arguments.file is None else _read_prompt(arguments.file)
    _check_usage(arguments, prompt)
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    with load(
        bundle_path(arguments), threads=arguments.threads, context=arguments.context
    ) as bundle:
        settings = _settings(arguments, seed)
        if arguments.chat and prompt is None:
            return converse(bundle, arguments.system, settings)
        if arguments.chat:
            generation = bundle.conversation(arguments.system).send(prompt, **settings)
        else:
            generation = bundle.generate(prompt, **settings)
        if arguments.json:
            text = "".join(generation)
            print(json.dumps(_result(prompt, text, generation, bundle, seed), ensure_ascii=False))
        else:
            shown = "" if arguments.no_display_prompt or arguments.chat else prompt
            stream(generation, shown)
            print(times(generation, bundle, seed), file=sys.stderr)
    return 0


def _check_usage(arguments: argparse.Namespace, prompt: str | None) -> None:
    if arguments.system is not None and not arguments.chat:
        arguments.parser.error("--system goes with --chat")
    if prompt is None and not arguments.chat:
        arguments.parser.error("one of the arguments -p/--prompt -f/--file --chat is required")
    if prompt is None and arguments.json:
        arguments.parser.error("--json with --chat goes with -p or -f, for one answer")


def _settings(arguments: argparse.Namespace, seed: int) -> Settings:
    from lutwerk.generation import Settings

    max_tokens = -1 if arguments.chat else 128
    return Settings(
        max_tokens=max_tokens if arguments.max_tokens is None else arguments.max_tokens,
        temperature=arguments.temperature,
        top_k=arguments.top_k,
        top_p=arguments.top_p,
        min_p=arguments.min_p,
        repeat_penalty=arguments.repeat_penalty,
        seed=seed,
        stop=arguments.stop,
        full_head=arguments.full_head,
    )


def stream(generation: Generation, prompt: str) -> None:
    """Print the prompt and each piece of text as soon as it is there."""
    print(prompt, end="", flush=True)
    for piece in generation:
        print(piece, end="", flush=True)
    print(flush=True)


def times(generation: Generation, bundle: Bundle, seed: int) -> str:
    """One line about a finished generation."""
    from lutwerk.cli.summary import head_text, rate_text

    prompt = rate_text(generation.prompt_tokens, generation.prompt_seconds)
    written = rate_text(generation.eval_tokens, generation.eval_seconds)
    ends = {
        "eos": "the model ended the text",
        "stop": "a stop text was reached",
        "length": "the number of tokens asked for was reached",
        "context": f"the context of {bundle.context} tokens is full",
    }
    head = "" if generation.head is None else f"{head_text(generation.head)}; "
    return (
        f"prompt: {generation.prompt_tokens} tokens, {prompt}; "
        f"eval: {len(generation.tokens)} tokens, {written}; "
        f"{head}{bundle.session.isa}, threads {bundle.session.threads}, seed {seed}; "
        f"ended because {ends[generation.finish_reason or 'length']}"
    )


def _read_prompt(path: Path) -> str:
    from lutwerk.errors import LutwerkError

    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LutwerkError(
            f"{path}: not UTF-8 at byte {error.start}; convert the file to UTF-8"
        ) from error
    except OSError as error:
        raise LutwerkError(f"{path}: {error.strerror}; give a file that can be read") from error


def _result(
    prompt: str, text: str, generation: Generation, bundle: Bundle, seed: int
) -> dict[str, object]:
    from dataclasses import asdict

    from lutwerk.cli.summary import rate

    return {
        "prompt": prompt,
        "text": text,
        "tokens": generation.tokens,
        "finish_reason": generation.finish_reason,
        "seed": seed,
        "isa": bundle.session.isa,
        "threads": bundle.session.threads,
        "context": bundle.context,
        "prompt_tokens": generation.prompt_tokens,
        "prompt_seconds": generation.prompt_seconds,
        "prompt_tokens_per_second": rate(generation.prompt_tokens, generation.prompt_seconds),
        "eval_tokens": generation.eval_tokens,
        "eval_seconds": generation.eval_seconds,
        "eval_tokens_per_second": rate(generation.eval_tokens, generation.eval_seconds),
        "head": None if generation.head is None else asdict(generation.head),
    }
