"""Running programs of other architectures with qemu-user."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lutwerk.architectures import ARCHITECTURES


def emulator(architecture: str) -> str:
    """The user-mode emulator of an architecture; skips the test where there is none."""
    name = f"qemu-{ARCHITECTURES[architecture].qemu}"
    found = shutil.which(f"{name}-static") or shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on this machine; .ci/run installs it")
    return found


def execute(architecture: str, program: Path, *arguments, cpu: str | None = None):
    """Run a program under emulation; returns the finished process with its text."""
    model = [] if cpu is None else ["-cpu", cpu]
    return subprocess.run(
        [emulator(architecture), *model, str(program), *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
