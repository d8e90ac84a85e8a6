"""Progress of long work, on stderr: a bar on a terminal, a few plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol, TextIO

from lutwerk.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Progress(Protocol):
    """What long work reports to. One piece of work at a time: ``start``, ``advance`` often, ``finish``."""

    def start(self, label: str, total_bytes: int) -> None:
        """Begin a piece of work of ``total_bytes``."""

    def advance(self, n: int) -> None:
        """Report ``n`` more bytes done."""

    def finish(self) -> None:
        """End the piece of work; harmless when none is under way."""


class NoProgress:
    """Reports nothing: for library use and tests."""

    def start(self, label: str, total_bytes: int) -> None:
        """Begin a piece of work."""

    def advance(self, n: int) -> None:
        """Report bytes done."""

    def finish(self) -> None:
        """End the piece of work."""


class LineProgress:
    """Plain lines, at most one for each tenth of the work: for logs and pipes."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._label = ""
        self._total = self._done = self._tenths = 0
        self._began = 0.0

    def start(self, label: str, total_bytes: int) -> None:
        """Begin a piece of work of ``total_bytes``."""
        self._label, self._total = label, total_bytes
        self._done = self._tenths = 0
        self._began = time.monotonic()

    def advance(self, n: int) -> None:
        """Report ``n`` more bytes done."""
        self._done += n
        tenths = 10 * self._done // self._total if self._total else 0
        if tenths > self._tenths:
            self._tenths = tenths
            elapsed = time.monotonic() - self._began
            left = elapsed * max(self._total - self._done, 0) / self._done
            print(
                f"{self._label}: {10 * tenths}% "
                f"({format_bytes(self._done)} of {format_bytes(self._total)}, "
                f"{format_seconds(left)} left)",
                file=self._stream,
                flush=True,
            )

    def finish(self) -> None:
        """End the piece of work; the next one starts from nothing."""
        self._total = self._done = self._tenths = 0


class BarProgress:
    """A bar for each piece of work, with bytes and time left. ``rich`` honours NO_COLOR."""

    def __init__(self) -> None:
        self._bar: Bar | None = None

    def start(self, label: str, total_bytes: int) -> None:
        """Begin a piece of work of ``total_bytes``."""
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(label, total=total_bytes)
        self._bar.start()

    def advance(self, n: int) -> None:
        """Report ``n`` more bytes done."""
        if self._bar is not None:
            self._bar.advance(self._task, n)

    def finish(self) -> None:
        """End the piece of work and give the terminal back."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def console_progress() -> Progress:
    """Progress that suits stderr: bars on a terminal, plain lines otherwise."""
    return BarProgress() if sys.stderr.isatty() else LineProgress(sys.stderr)
