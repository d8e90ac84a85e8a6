"""The installed command line in a process of its own, and a bundle that it compiled."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def command() -> list[str]:
    return [sys.executable, "-m", "lutwerk"]


@pytest.fixture(scope="session")
def lutwerk(command):
    """Run ``lutwerk ARGUMENTS``; returns the finished process with its text."""

    def run(*arguments, stdin="", **environment) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            env=os.environ | environment,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def demo(lutwerk, tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The demo as a process, and the bundle that it kept."""
    output = tmp_path_factory.mktemp("demo") / "bundle"
    return lutwerk("demo", "-o", output, "-n", 40, "-t", 1), output


@pytest.fixture(scope="session")
def bundle(demo) -> Path:
    return demo[1]
