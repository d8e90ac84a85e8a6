"""Documents that repeat what code says must say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repository import ROOT, files, name, rows

DEFS = ROOT / "runtime/include/lutwerk"
FORMAT = (ROOT / "runtime/FORMAT.md").read_text()
README = ROOT / "README.md"
CI = ROOT / ".ci/run"


def _section(title: str) -> str:
    """Return the text of FORMAT.md under a heading of level 2."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", FORMAT, flags=re.MULTILINE | re.DOTALL)
    assert found, f"FORMAT.md has no section {title}"
    return found[1]


def test_format_describes_every_layout() -> None:
    described = set(re.findall(r"^- \*\*(\w+)\*\*", _section("Layouts"), flags=re.MULTILINE))
    assert described == {row[1] for row in rows(DEFS / "layouts.def", "LW_LAYOUT")}


def test_format_describes_every_operation() -> None:
    cells = re.findall(r"^\| ([a-z][\w, ]*) \|", _section("Operations"), flags=re.MULTILINE)
    described = {op.strip() for cell in cells for op in cell.split(",")} - {"name"}
    assert described == {row[1] for row in rows(DEFS / "ops.def", "LW_OP")}


def test_format_describes_every_section() -> None:
    listed = re.search(r"in this order: `([A-Z ]+)`", FORMAT)
    assert listed, "FORMAT.md no longer lists the section tags"
    headings = set(
        re.findall(r"`([A-Z]{4})`", " ".join(re.findall(r"^## .*", FORMAT, flags=re.MULTILINE)))
    )
    # DATA has no records: tensors describe it.
    assert set(listed[1].split()) - {"DATA"} == headings


def test_format_names_only_known_statuses() -> None:
    known = {row[1] for row in rows(DEFS / "status.def", "LW_STATUS")}
    assert set(re.findall(r"\bERR_[A-Z]+\b", FORMAT)) <= known


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = CI.read_text().rstrip().splitlines()[-1]
    assert "-m pytest" in command, ".ci/run must end with the tests"
    blocks = re.findall(
        r"```\w*\n(.*?)```|((?:^    .*\n)+)", README.read_text(), flags=re.MULTILINE | re.DOTALL
    )
    assert any(command in fenced + indented for fenced, indented in blocks), (
        f"README.md does not show the command that .ci/run ends with: {command}"
    )


def test_readme_shows_the_recorded_targets() -> None:
    marked = r"<!-- targets: begin -->\n(.+?)\n<!-- targets: end -->"
    shown, recorded = (
        re.findall(marked, path.read_text(), flags=re.DOTALL)
        for path in (README, ROOT / "tests/bench/RESULTS.md")
    )
    assert len(recorded) == 1, "tests/bench/RESULTS.md holds the table of targets between its marks"
    assert shown == recorded, "write both with tests/bench/targets.py --write"


@pytest.mark.parametrize("path", list(files(suffixes=(".md",))), ids=name)
def test_links_lead_to_files(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", path.read_text()):
        assert (path.parent / target).exists(), (
            f"{name(path)} links to {target}, which is not there"
        )


def test_version_stands_in_the_header_only() -> None:
    header = DEFS / "lutwerk.h"
    version = re.search(r'#define LW_VERSION "([^"]+)"', header.read_text())
    assert version, "lutwerk.h defines no LW_VERSION"
    sources = files("compiler", "runtime", "kernels", suffixes=(".py", ".c", ".h", ".txt"))
    top = [ROOT / "pyproject.toml", ROOT / "CMakeLists.txt"]
    holders = [name(f) for f in [*sources, *top] if version[1] in f.read_text()]
    assert holders == [name(header)], "the version has one home; others read it from there"
