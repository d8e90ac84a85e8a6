"""The public header stands alone, in C and in C++."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from repository import ROOT

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]


@pytest.mark.parametrize("header", ["lutwerk.h", "text.h", "chat.h"])
@pytest.mark.parametrize(
    ("compiler", "language", "standard"),
    [("gcc", "c", "c11"), ("g++", "c++", "c++17")],
)
def test_public_header_compiles_alone(
    compiler: str, language: str, standard: str, header: str
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} on this machine; .ci/run installs it")
    # Twice, because a missing include guard shows only then.
    include = f'#include "lutwerk/{header}"\n'
    command = [compiler, "-fsyntax-only", "-x", language, f"-std={standard}", *WARNINGS]
    done = subprocess.run(
        [*command, "-I", str(ROOT / "runtime/include"), "-"],
        input=2 * include + "int main(void) { return LW_OK; }\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
