"""Rules for every file: small, finished, and free of the machine it was written on."""

from __future__ import annotations

import re

import pytest

from repository import files, name, text_of

CODE = (".py", ".c", ".h", ".cpp", ".def", ".sh")
#: Folder -> most lines of one file of code.
LIMITS = {"compiler": 400, "runtime": 400, "runner": 400, "kernels": 200, "tests": 400}
#: Assembled, so that this file does not match itself.
MACHINE_PATH = re.compile(
    r"(?<![\w.])/(?:" + "|".join(["wo" + "rk", "ho" + "me", "ro" + "ot"]) + r")/\w"
)
UNFINISHED = re.compile(
    "|".join(["TO" + "DO", "FIX" + "ME", r"\bXX" + "X", "NotImplemented" + "Error"])
)
INDEX = re.compile("|".join(["index-" + "url", "trusted-" + "host", "pypi" + r"\.org"]))
TEXTS = [(path, text) for path in files() if (text := text_of(path)) is not None]


@pytest.mark.parametrize("folder", LIMITS)
def test_files_are_short(folder: str) -> None:
    lengths = {name(f): len(f.read_text().splitlines()) for f in files(folder, suffixes=CODE)}
    assert lengths, f"no code in {folder}"
    long = {f: n for f, n in lengths.items() if n > LIMITS[folder]}
    assert not long, f"more than {LIMITS[folder]} lines: split by job"


def _matches(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name(path)}:{number}: {line.strip()[:100]}"
        for path, text in TEXTS
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_paths_of_a_machine() -> None:
    assert _matches(MACHINE_PATH) == []


def test_nothing_unfinished() -> None:
    assert _matches(UNFINISHED) == []


def test_no_package_index_is_named() -> None:
    assert _matches(INDEX) == []


def test_committed_files_are_small() -> None:
    """One file may be large: the checkpoint that the demo compiles."""
    large = [name(f) for f in files() if f.stat().st_size > 1_000_000]
    assert [f for f in large if not f.startswith("compiler/lutwerk/demo/checkpoint/")] == []
