"""The direction of knowledge in C: the runtime knows kernels, kernels know only themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repository import ROOT, files, name, without_comments

KERNEL_FILES = list(files("kernels", suffixes=(".c", ".h")))
RUNTIME_FILES = list(files("runtime", suffixes=(".c", ".h")))
RUNNER_FILES = list(files("runner", suffixes=(".c", ".h")))

#: Freestanding headers, plus what compiles to plain instructions.
KERNEL_SYSTEM_HEADERS = {
    *("stddef.h", "stdint.h", "stdbool.h", "limits.h", "float.h"),
    *("string.h", "math.h", "immintrin.h", "arm_neon.h"),
}
#: Allocation, printing, files and process ends: none of them belongs in the library.
LIBRARY_FORBIDDEN = re.compile(
    r"\b(malloc|calloc|realloc|aligned_alloc|posix_memalign|free|alloca"
    r"|v?f?printf|puts|putchar|perror|fopen|fwrite|mmap"
    r"|exit|_exit|abort)\s*\("
)
KERNEL_FORBIDDEN = re.compile(r"\b(pthread_\w+|atomic_\w+|thrd_\w+|getenv)\b")
GLOBAL_VARIABLE = re.compile(
    r"^(?:static\s+)?(?!.*\bconst\b)[A-Za-z_][\w\s*]*?\w+(?:\[[^\]]*\])*\s*(?:=[^=].*)?;"
)


def _includes(path: Path) -> tuple[list[str], list[str]]:
    source = without_comments(path.read_text())
    quoted = re.findall(r'^\s*#\s*include\s+"([^"]+)"', source, flags=re.MULTILINE)
    system = re.findall(r"^\s*#\s*include\s+<([^>]+)>", source, flags=re.MULTILINE)
    return quoted, system


def _resolve(path: Path, include: str, search: tuple[str, ...]) -> Path | None:
    places = [path.parent, *(ROOT / folder for folder in search)]
    return next((p.resolve() for d in places if (p := d / include).is_file()), None)


@pytest.mark.parametrize("path", KERNEL_FILES, ids=name)
def test_kernels_include_only_kernels(path: Path) -> None:
    quoted, system = _includes(path)
    for include in quoted:
        target = _resolve(path, include, ("kernels", "runtime/include"))
        assert target is not None, f"{name(path)} includes {include}, which does not exist"
        allowed = (ROOT / "kernels", ROOT / "runtime/include/lutwerk")
        assert target.is_relative_to(allowed[0]) or target.is_relative_to(allowed[1]), (
            f"{name(path)} includes {name(target)}: kernels know nothing of runtime/src or compiler"
        )
    strange = set(system) - KERNEL_SYSTEM_HEADERS
    assert not strange, f"{name(path)} includes {sorted(strange)}: kernels are pure arithmetic"


@pytest.mark.parametrize("path", RUNTIME_FILES, ids=name)
def test_runtime_includes_nothing_of_the_compiler(path: Path) -> None:
    quoted, _ = _includes(path)
    search = ("runtime/include", "runtime/include/lutwerk", "runtime/src", "kernels", "")
    for include in quoted:
        target = _resolve(path, include, search)
        assert target is not None, f"{name(path)} includes {include}, which does not exist"
        assert target.is_relative_to(ROOT / "runtime") or target.is_relative_to(ROOT / "kernels"), (
            f"{name(path)} includes {name(target)}: the runtime knows only itself and the kernels"
        )


@pytest.mark.parametrize("path", RUNNER_FILES, ids=name)
def test_the_runner_includes_public_headers_only(path: Path) -> None:
    quoted, _ = _includes(path)
    for include in quoted:
        target = _resolve(path, include, ("runtime/include",))
        assert target is not None, f"{name(path)} includes {include}, which is not public"


@pytest.mark.parametrize("path", [*KERNEL_FILES, *RUNTIME_FILES], ids=name)
def test_library_neither_allocates_prints_nor_exits(path: Path) -> None:
    source = without_comments(path.read_text())
    forbidden = LIBRARY_FORBIDDEN.search(source)
    assert forbidden is None, f"{name(path)} calls {forbidden[1] if forbidden else ''}"


@pytest.mark.parametrize("path", KERNEL_FILES, ids=name)
def test_kernels_have_no_threads_and_no_globals(path: Path) -> None:
    source = without_comments(path.read_text())
    threads = KERNEL_FORBIDDEN.search(source)
    assert threads is None, f"{name(path)} uses {threads[0] if threads else ''}"
    for line in source.splitlines():
        if line.startswith(("typedef", "return", "extern")):
            continue
        assert not GLOBAL_VARIABLE.match(line), f"{name(path)} has a variable at file scope: {line}"
