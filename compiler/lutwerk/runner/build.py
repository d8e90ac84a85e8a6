"""Builds ``run`` with CMake, and keeps what was built in the user's cache."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from lutwerk.architectures import Architecture
from lutwerk.errors import CompileError
from lutwerk.progress import Progress
from lutwerk.runner.compilers import Compiler
from lutwerk.runner.sources import source_dir, source_files, source_hash

#: How ninja and make count the steps of a build.
_STEP = re.compile(r"\[\s*(\d+)(?:/(\d+)|%)\]")
#: How ninja, compilers and linkers begin to tell of a failure.
_FAILURE = re.compile(r"FAILED: |: error: |ld: ")
#: Lines of a failed build that are shown.
_SHOWN_LINES = 12


class BuildError(CompileError):
    """A build of ``run`` failed; the message ends with what the tool said."""


def cache_dir() -> Path:
    """Where programs are kept: ``$XDG_CACHE_HOME/lutwerk``, by default ``~/.cache/lutwerk``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return Path(base if os.path.isabs(base) else Path.home() / ".cache") / "lutwerk"


def cached_runner(architecture: Architecture, compiler: Compiler) -> Path:
    """Where the program for this version, these sources and this compiler is kept, if it has been built."""
    what = f"{source_hash()} {architecture.name} {compiler.description}"
    key = hashlib.sha256(what.encode()).hexdigest()[:16]
    return cache_dir() / f"run-{version('lutwerk')}-{architecture.name}-{key}"


def build_runner(architecture: Architecture, compiler: Compiler, progress: Progress) -> bytes:
    """The program for the architecture, from the cache or newly built.

    Raises BuildError when a tool is missing or fails.
    """
    kept = cached_runner(architecture, compiler)
    if kept.is_file():
        return kept.read_bytes()
    with tempfile.TemporaryDirectory(prefix="lutwerk-run-") as folder:
        program = _build(architecture, compiler, Path(folder), progress).read_bytes()
    _keep(kept, program)
    return program


def _build(
    architecture: Architecture, compiler: Compiler, folder: Path, progress: Progress
) -> Path:
    cmake = _tool("cmake")
    if cmake is None:
        raise BuildError(
            f"building the program `run` for {architecture.name} needs CMake, which is not there; "
            'install it with `pip install "lutwerk[cross]"`, or leave the program out with --no-runner'
        )
    ninja = _tool("ninja")
    build = folder / "build"
    settings = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": architecture.name,
        "CMAKE_C_COMPILER": _script(folder, "cc", compiler.command),
        "LW_BUILD_RUNNER": "ON",
        **{f"CMAKE_{t.upper()}": _script(folder, t, c) for t, c in compiler.tools.items()},
    }
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja else []
    label = f"build run for {architecture.name} with {compiler.description}"
    progress.start(label, sum((source_dir() / p).stat().st_size for p in source_files()))
    try:
        _run(
            [cmake, "-S", str(source_dir()), "-B", str(build), *generator]
            + [f"-D{key}={value}" for key, value in settings.items()],
            label,
            progress,
        )
        jobs = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
        _run([cmake, "--build", str(build), "--target", "lw_run", "-j", jobs], label, progress)
    finally:
        progress.finish()
    return next(path for path in build.rglob("run") if path.is_file())


def _tool(name: str) -> str | None:
    """A build tool on PATH, or beside this Python as pip installs it."""
    return shutil.which(name) or shutil.which(name, path=sysconfig.get_path("scripts"))


def _script(folder: Path, name: str, command: tuple[str, ...]) -> str:
    """A program of one word for CMake that runs ``command``."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def _run(command: list[str], label: str, progress: Progress) -> None:
    """Run a step of the build and report its count of steps as bytes of the sources."""
    total = sum((source_dir() / p).stat().st_size for p in source_files())
    done = 0
    lines: list[str] = []
    environment = {k: v for k, v in os.environ.items() if k not in ("CFLAGS", "LDFLAGS", "CC")}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if step := _STEP.match(line):
                now = total * int(step[1]) // int(step[2] or 100)
                progress.advance(max(0, now - done))
                done = max(done, now)
    if process.returncode:
        said = "\n  ".join(_telling(lines))
        raise BuildError(f"{label} failed with exit code {process.returncode}:\n  {said}")


def _telling(lines: list[str]) -> list[str]:
    """The lines that say why a build failed: from the first compilation that did, or the last ones."""
    full = [line for line in lines if line.strip()]
    first = next((i for i, line in enumerate(full) if _FAILURE.search(line)), -_SHOWN_LINES)
    return full[first:][:_SHOWN_LINES]


def _keep(path: Path, program: bytes) -> None:
    """Put a program into the cache; a cache that cannot be written costs the next build only."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / path.name
            made.write_bytes(program)
            made.replace(path)
