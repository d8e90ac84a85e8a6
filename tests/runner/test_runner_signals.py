"""Ctrl-C, and turns on a terminal."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest

ENDLESS = ["-p", "Once upon a time", "-n", "-1", "--ignore-eos", "-t", "1"]


def default_interrupt() -> None:
    """Shells start background jobs with SIGINT ignored, which children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Stalled:
    """A program that waits for room in its standard output, a pipe that is full."""

    def __init__(self, bundle: Path):
        self.reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writer, b"-" * 3500)
        self.process = subprocess.Popen(
            [bundle / "run", *ENDLESS],
            stdout=writer,
            stderr=subprocess.PIPE,
            preexec_fn=default_interrupt,
        )
        os.close(writer)
        before, held = 0, 3500
        while held != before or held == 3500:
            time.sleep(0.2)
            before, held = held, self._held()
            assert self.process.poll() is None

    def _held(self) -> int:
        count = fcntl.ioctl(self.reader, termios.FIONREAD, b"\0" * 4)
        return int.from_bytes(count, "little")

    def read_all(self) -> bytes:
        with os.fdopen(self.reader, "rb") as file:
            return file.read()[3500:]


def test_the_first_ctrl_c_ends_the_answer_with_its_times(bundle):
    stalled = Stalled(bundle)
    with stalled.process as process:
        process.send_signal(signal.SIGINT)
        text = stalled.read_all()
        errors = process.stderr.read()
    assert process.returncode == 130
    assert text.startswith(b"Once upon a time")
    assert text.endswith(b"\n")
    assert b"ended because it was interrupted" in errors
    assert errors.count(b"\n") == 1


def test_the_second_ctrl_c_ends_the_program_at_once(bundle):
    stalled = Stalled(bundle)
    with stalled.process as process:
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr.read() == b""
    os.close(stalled.reader)


def test_ctrl_c_ends_other_modes_at_once(bundle):
    with subprocess.Popen(
        [bundle / "run", "--bench", "-r", "1000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=default_interrupt,
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (-signal.SIGINT, b"")


def test_ctrl_c_that_was_ignored_stays_ignored(bundle):
    arguments = ["-p", "Once upon", "-n", "60", "--ignore-eos"]
    with subprocess.Popen(
        [bundle / "run", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ) as process:
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, command: list):
        self.here, there = pty.openpty()
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdin=there,
            stdout=there,
            stderr=there,
            start_new_session=True,
            preexec_fn=lambda: (default_interrupt(), _take_terminal()),
        )
        os.close(there)
        self.seen = b""

    def wait_for(self, words: bytes) -> bytes:
        """Read until the words have come; returns what came before them, and forgets it."""
        end = time.monotonic() + 60
        while words not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.here], [], [], 1)[0]:
                self.seen += os.read(self.here, 4096)
        before, _, self.seen = self.seen.partition(words)
        return before

    def type(self, keys: bytes) -> None:
        os.write(self.here, keys)

    def end(self) -> int:
        code = self.process.wait(timeout=60)
        os.close(self.here)
        return code


def _take_terminal() -> None:
    """Make standard input the controlling terminal, so that Ctrl-C comes as a signal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_lines_on_a_terminal_are_answered_one_by_one(bundle):
    terminal = Terminal([bundle / "run", "-n", 6, "--temp", 0, "-t", 1])
    terminal.wait_for(b"> ")
    answers = []
    for _ in range(2):
        terminal.type(b"Once upon a time\n")
        terminal.wait_for(b"Once upon a time\r\n")
        answers.append(terminal.wait_for(b"\r\nprompt: 5 tokens"))
        terminal.wait_for(b"> ")
    assert answers[0].startswith(b", there")
    assert answers[0] == answers[1]
    terminal.type(b"\n")
    terminal.wait_for(b"> ")
    terminal.type(b"\x04")
    assert terminal.end() == 0


def test_ctrl_c_on_a_terminal_ends_the_answer_then_the_program(bundle):
    terminal = Terminal([bundle / "run", "-n", -1, "--ignore-eos", "-t", 1, "--temp", 2])
    terminal.wait_for(b"> ")
    terminal.type(b"Once upon a time\n")
    terminal.wait_for(b"Once upon a time\r\n")
    terminal.wait_for(b" ")
    terminal.type(b"\x03")
    terminal.wait_for(b"ended because ")
    terminal.wait_for(b"> ")
    terminal.type(b"\x03")
    assert terminal.end() == 130


def test_a_line_that_cannot_be_answered_does_not_end_the_program(bundle):
    terminal = Terminal([bundle / "run", "-n", 2, "-c", 8, "--temp", 0])
    terminal.wait_for(b"> ")
    terminal.type(b"a b c d e f g h i j k l m n\n")
    terminal.wait_for(b"run: error: the prompt has ")
    terminal.wait_for(b"> ")
    terminal.type(b"The cat\n")
    terminal.wait_for(b"ended because ")
    terminal.wait_for(b"> ")
    terminal.type(b"\x04")
    assert terminal.end() == 0
