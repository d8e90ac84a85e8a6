"""The C sources of ``run``: inside the installed package, or the source tree itself."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

#: Folders and files that a build of ``run`` reads.
_PARTS = ("CMakeLists.txt", "kernels", "runtime", "runner")
_SUFFIXES = {".c", ".h", ".def", ".txt"}


def source_dir() -> Path:
    """The folder with the top CMakeLists.txt."""
    package = Path(__file__).parents[1]
    installed = package / "csrc"
    return installed if installed.is_dir() else package.parents[1]


def source_files() -> list[Path]:
    """All files that a build reads, relative to :func:`source_dir`, in a fixed order."""
    root = source_dir()
    found: list[Path] = []
    for part in _PARTS:
        path = root / part
        found += path.rglob("*") if path.is_dir() else [path]
    return sorted(p.relative_to(root) for p in found if p.suffix in _SUFFIXES and p.is_file())


@cache
def source_hash() -> str:
    """SHA-256 over names and contents of the sources, in hexadecimal."""
    digest = hashlib.sha256()
    for path in source_files():
        content = (source_dir() / path).read_bytes()
        digest.update(f"{path.as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
