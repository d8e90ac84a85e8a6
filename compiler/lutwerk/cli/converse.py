"""Conversations of ``lutwerk run --chat``: a line from the user, an answer, and so on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lutwerk.bundle import Bundle
    from lutwerk.generation import Settings


def converse(bundle: Bundle, system: str | None, settings: Settings) -> int:
    """Answer each line of standard input that is not blank, until it ends. Returns the exit code."""
    conversation = bundle.conversation(system)
    for line in _lines():
        answer = conversation.send(line, **settings)
        try:
            for piece in answer:
                print(piece, end="", flush=True)
        except KeyboardInterrupt:
            # What was said so far stays said.
            print(" ...", end="", flush=True)
        print(flush=True)
        if answer.finish_reason == "context":
            print(
                f"lutwerk: the context of {bundle.context} tokens is full; the answer ends here",
                file=sys.stderr,
            )
    return 0


def _lines() -> Iterator[str]:
    """Messages, asked for on a terminal."""
    asks = sys.stdin.isatty()
    while True:
        if asks:
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            if asks:
                print(file=sys.stderr)
            return
        if line.strip():
            yield line.removesuffix("\n")
