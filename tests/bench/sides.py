"""The two sides of a comparison: processes that measure when asked and sleep otherwise.

A side holds its model open for the whole run, so that neither pays for loading; while one measures,
the other waits in a blocking read. Requests and answers are JSON lines:
``{"test": "tg128", "threads": 2}`` gives ``{"seconds": 6.1}``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

#: Time for the threads of the side that just measured to fall asleep before the other starts.
SETTLE_SECONDS = 0.2


@dataclass(frozen=True)
class Test:
    """llama-bench's pp512 (evaluate 512 tokens at once) or tg128 (128 tokens one by one), or first128.

    first128 evaluates a prompt of 128 tokens and samples the first token after it greedily.
    """

    kind: str
    tokens: int

    @classmethod
    def parse(cls, name: str) -> Test:
        """Read ``pp512``, ``tg128`` or ``first128``; ValueError when it is none of them."""
        match = re.fullmatch(r"(pp|tg|first)([1-9]\d*)", name)
        if not match:
            raise ValueError(f"test {name!r} is no ppN, tgN or firstN, such as pp512 or first128")
        return cls(match[1], int(match[2]))

    @property
    def unit(self) -> str:
        """Of figures: a rate, or a time where it is the waiting that counts."""
        return "ms" if self.kind == "first" else "tokens/s"

    def value(self, seconds: float) -> float:
        """Return the figure of one run of so many seconds, in :attr:`unit`."""
        return 1e3 * seconds if self.unit == "ms" else self.tokens / seconds

    def ratio(self, ours: float, theirs: float) -> float:
        """How many times as fast we are."""
        return theirs / ours if self.unit == "ms" else ours / theirs

    def __str__(self) -> str:
        return f"{self.kind}{self.tokens}"


class SideError(Exception):
    """A measuring process ended too early."""


class Side:
    """A measuring process, seen from the parent."""

    def __init__(
        self,
        script: Path,
        model: Path,
        context: int,
        *options: str,
        python: str = sys.executable,
        **environment: str,
    ) -> None:
        """Start ``script`` on ``model`` for ``context`` tokens and wait until it is ready.

        Args:
            script: a program of this folder that calls :func:`serve`.
            model: its first argument.
            context: tokens, its second argument.
            options: its other arguments.
            python: the interpreter that runs it.
            environment: variables set for it beside those of this process.
        """
        self._process = subprocess.Popen(
            [python, str(script), str(model), str(context), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=os.environ | environment,
        )
        self.description: str = self._answer()["description"]

    def measure(self, test: Test, threads: int) -> float:
        """Run ``test`` once and return its figure, in the test's unit."""
        stdin = self._process.stdin
        assert stdin is not None
        time.sleep(SETTLE_SECONDS)
        stdin.write(json.dumps({"test": str(test), "threads": threads}) + "\n")
        seconds: float = self._answer()["seconds"]
        return test.value(seconds)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            script = str(self._process.args[1])  # type: ignore[index]
            self._close()
            status = self._process.returncode
            raise SideError(f"{script} ended with status {status}; its message is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        """End the process by closing its input, or by force when it does not end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def serve(description: str, measure: Callable[[Test, int], None]) -> None:
    """Answer the parent until it closes the pipe; ``measure(test, threads)`` is timed."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    answers.write(json.dumps({"description": description}) + "\n")
    for line in sys.stdin:
        request = json.loads(line)
        test, threads = Test.parse(request["test"]), int(request["threads"])
        begin = time.perf_counter()
        measure(test, threads)
        answers.write(json.dumps({"seconds": time.perf_counter() - begin}) + "\n")
