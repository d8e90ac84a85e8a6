"""The programs under test: a release build, and one with sanitizers where `cmake --preset dev` has made it.

The release build is the one that the installed package brings along; a package without one has it built in
build/runner. ``LUTWERK_RUNNER`` names other programs, such as the one of a bundle, separated as in PATH.
"""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import lutwerk

ROOT = Path(__file__).resolve().parents[2]
SANITIZED = ROOT / "build/dev/runner/run"
NAMED = os.environ.get("LUTWERK_RUNNER", "")
NAMES = NAMED.split(os.pathsep) if NAMED else ["release", "sanitized"]


@dataclass(frozen=True)
class Program:
    """A built runner."""

    path: Path
    sanitized: bool = False


def find_program(name: str) -> Program:
    """A program of :data:`NAMES`; skips the test when it is not there and cannot be built."""
    if NAMED:
        return Program(Path(name))
    if name == "sanitized":
        if not SANITIZED.is_file():
            pytest.skip("build/dev/runner/run is absent: cmake --preset dev builds it")
        return Program(SANITIZED, sanitized=True)
    shipped = Path(lutwerk.__file__).parent / "runners" / platform.machine() / "run"
    return Program(shipped if shipped.is_file() else _build())


def _build() -> Path:
    """Bring build/runner up to date."""
    if not shutil.which("cmake") or not shutil.which("cc"):
        pytest.skip("cmake or a C compiler is absent")
    folder = ROOT / "build/runner"
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DLW_BUILD_RUNNER=ON", *generator]
    for command in (
        ["cmake", "-S", str(ROOT), "-B", str(folder), *options],
        ["cmake", "--build", str(folder), "--target", "lw_run", "--parallel", "2"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "runner/run"


def make_bundle(folder: Path, checkpoint: Path, program: Program, **options) -> Path:
    """Compile a checkpoint and put the program beside it."""
    lutwerk.compile(checkpoint, folder, **options)
    shutil.copy2(program.path, folder / "run")
    return folder
