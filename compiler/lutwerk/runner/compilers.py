"""C compilers that can build ``run`` for an architecture: an installed gcc, or ``ziglang`` from PyPI."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from lutwerk.architectures import Architecture, host_architecture
from lutwerk.errors import CompileError


@dataclass(frozen=True)
class Compiler:
    """A compiler for one architecture.

    Attributes:
        description: Name and version; equal for compilers that give equal programs.
        command: Program and arguments, before those of a compilation.
        tools: Commands of ``ar`` and ``ranlib`` by name, where the compiler brings its own.
    """

    description: str
    command: tuple[str, ...]
    tools: dict[str, tuple[str, ...]]


def gcc(architecture: Architecture) -> Compiler | None:
    """An installed gcc for the architecture: a cross compiler, or the machine's own."""
    names = [f"{architecture.gcc}-gcc"]
    if sys.platform == "linux" and host_architecture() == architecture:
        names += ["gcc", "cc"]
    found = next(filter(None, map(shutil.which, names)), None)
    return None if found is None else _described((found,))


def zig(architecture: Architecture) -> Compiler | None:
    """``zig cc`` of the PyPI package ``ziglang``, which brings musl for every architecture."""
    if importlib.util.find_spec("ziglang") is None:
        return None
    python = (sys.executable, "-I", "-m", "ziglang")
    return Compiler(
        f"zig {version('ziglang')} ({architecture.zig})",
        # -O3 also where CMake only tries the compiler: zig builds its libc once for each such mode.
        (*python, "cc", "-target", architecture.zig, *architecture.zig_flags, "-O3"),
        {tool: (*python, tool) for tool in ("ar", "ranlib")},
    )


def named(command: str) -> Compiler:
    """The compiler that a user names. Raises CompileError when it cannot be run."""
    words = shlex.split(command)
    found = shutil.which(words[0]) if words else None
    if found is None:
        raise CompileError(
            f"--runner-compiler: {command!r} is no program on this machine; accepted: auto, shipped, "
            "gcc, zig, or a C compiler for the target"
        )
    return _described((found, *words[1:]))


def _described(command: tuple[str, ...]) -> Compiler:
    """Ask a compiler for its version; the first line of it names the program as it was called."""
    done = subprocess.run(
        [*command, "--version"], capture_output=True, text=True, errors="replace", check=False
    )
    first = done.stdout.partition("\n")[0].strip()
    return Compiler(first or Path(command[0]).name, command, {})
