"""Progress on something that is not a terminal, and the numbers in it."""

import io

import pytest

from lutwerk.progress import LineProgress, console_progress
from lutwerk.units import format_bytes, format_count, format_seconds


def lines(total: int, steps: list[int]) -> list[str]:
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.start("packing", total)
    for step in steps:
        progress.advance(step)
    progress.finish()
    return stream.getvalue().splitlines()


def test_at_most_one_line_for_each_tenth():
    out = lines(1000, [1] * 1000)
    assert len(out) == 10
    assert out[0].startswith("packing: 10% (100 B of 1000 B, ")
    assert out[-1].startswith("packing: 100% (1000 B of 1000 B, 0:00 left")


def test_a_large_step_is_one_line():
    assert len(lines(100, [95])) == 1


def test_nothing_to_do_is_silent():
    assert lines(0, [0]) == []


def test_work_after_work_begins_at_nothing():
    stream = io.StringIO()
    progress = LineProgress(stream)
    for label in ("first", "second"):
        progress.start(label, 10)
        progress.advance(10)
        progress.finish()
    assert [line.split(" (")[0] for line in stream.getvalue().splitlines()] == [
        "first: 100%",
        "second: 100%",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format_bytes(0), "0 B"),
        (format_bytes(1023), "1023 B"),
        (format_bytes(1 << 20), "1.0 MiB"),
        (format_bytes(3 << 40), "3.0 TiB"),
        (format_count(999), "999"),
        (format_count(2_410_000_000), "2.41 B"),
        (format_seconds(59.6), "1:00"),
    ],
)
def test_numbers_as_people_read_them(text, expected):
    assert text == expected


def test_a_terminal_gets_bars_and_is_given_back(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    progress = console_progress()
    for label in ("first", "second"):
        progress.start(label, 1 << 20)
        progress.advance(1 << 20)
        progress.finish()
    progress.finish()
    shown = stream.getvalue()
    assert "first" in shown
    assert "second" in shown
    assert "1.0/1.0 MiB" in shown
    assert "\x1b[3" not in shown, "colour in spite of NO_COLOR"
    assert shown.rstrip().endswith("\x1b[?25h"), "the cursor is not shown again"
