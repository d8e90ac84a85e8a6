"""What the lint tests read: the files of the repository and the rows of its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Folders that a build or a tool makes, by name at any depth.
GENERATED = {"build", "dist", "__pycache__"}
HIDDEN_BUT_OURS = {".ci", ".github"}


def files(*folders: str, suffixes: tuple[str, ...] = ()) -> Iterator[Path]:
    """Yield files under ``folders`` (the whole repository when none), with one of ``suffixes``."""
    roots = [ROOT / folder for folder in folders] or [ROOT]
    for root in roots:
        yield from (f for f in _walk(root) if not suffixes or f.suffix in suffixes)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            hidden = entry.name.startswith(".") and entry.name not in HIDDEN_BUT_OURS
            if not hidden and entry.name not in GENERATED and not entry.name.endswith(".egg-info"):
                yield from _walk(entry)
        elif entry.is_file():
            yield entry


def name(path: Path) -> str:
    """Return the path as a person would name it in this repository."""
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str | None:
    """Return the file's text, or None when it is not UTF-8 text."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def without_comments(source: str) -> str:
    """Return C source with comments and the insides of string literals blanked, lines kept."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        return found if found.startswith('"') else re.sub(r"[^\n]", " ", found)

    return re.sub(pattern, blank, source, flags=re.DOTALL)


def rows(path: Path, macro: str) -> list[list[str]]:
    """Return the arguments of each ``macro(...)`` line of a .def file, as written."""
    source = without_comments(path.read_text())
    found = re.findall(rf"^{macro}\(([^\n]*)\)\s*$", source, flags=re.MULTILINE)
    return [
        [part.strip() for part in re.split(r",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", f)] for f in found
    ]
