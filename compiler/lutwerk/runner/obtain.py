"""Where the program ``run`` of a bundle comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lutwerk.architectures import Architecture
from lutwerk.errors import CompileError
from lutwerk.progress import Progress
from lutwerk.runner import compilers
from lutwerk.runner.build import BuildError, build_runner
from lutwerk.runner.elf import read_program

_AUTO, _SHIPPED = "auto", "shipped"
_FINDERS = {"gcc": compilers.gcc, "zig": compilers.zig}


@dataclass(frozen=True)
class Runner:
    """A static program for Linux.

    Attributes:
        program: Its bytes.
        architecture: Name of the architecture that it was built for.
        compiler: Name and version of the compiler that built it.
        page_bytes: The greatest page size of a kernel that can run it.
    """

    program: bytes
    architecture: str
    compiler: str
    page_bytes: int


def obtain_runner(architecture: Architecture, choice: str, progress: Progress) -> Runner:
    """The program for an architecture.

    ``choice`` is ``auto`` for the first that there is of: ``shipped``, the one inside the package;
    ``gcc``; ``zig``. Or it is the command of a C compiler for the architecture.

    Raises CompileError when there is none, naming what to install.
    """
    failures = []
    for find in _sources(architecture, choice, progress):
        try:
            found = find()
        except BuildError as error:
            failures.append(str(error))
            continue
        if found is not None:
            return _checked(*found, architecture)
    if failures:
        raise CompileError(
            failures[0]
            + f"\nno program `run` for {architecture.name}: choose another compiler with "
            '--runner-compiler, install zig with `pip install "lutwerk[cross]"`, or leave the program '
            "out with --no-runner"
        )
    raise CompileError(
        f"--runner-compiler {choice}: no program `run` for {architecture.name} is inside this package "
        f"and no compiler for it was found ({architecture.gcc}-gcc, ziglang); install one with "
        '`pip install "lutwerk[cross]"`, or leave the program out with --no-runner'
    )


def _sources(
    architecture: Architecture, choice: str, progress: Progress
) -> Iterator[Callable[[], tuple[bytes, str] | None]]:
    """Ways to a program and the name of its compiler, in the order to try them."""
    if choice in (_AUTO, _SHIPPED):
        yield partial(_shipped, architecture)
    names = list(_FINDERS) if choice == _AUTO else [choice]
    for name in names:
        if name == _SHIPPED:
            continue
        compiler = _FINDERS[name](architecture) if name in _FINDERS else compilers.named(name)
        if compiler is not None:
            yield partial(_built, architecture, compiler, progress)


def _built(
    architecture: Architecture, compiler: compilers.Compiler, progress: Progress
) -> tuple[bytes, str]:
    return build_runner(architecture, compiler, progress), compiler.description


def _shipped(architecture: Architecture) -> tuple[bytes, str] | None:
    """The program inside the package (compiler/CMakeLists.txt puts it there)."""
    folder = Path(__file__).parents[1] / "runners" / architecture.name
    if not (folder / "run").is_file():
        return None
    return (folder / "run").read_bytes(), (folder / "compiler.txt").read_text("utf-8").strip()


def _checked(program: bytes, compiler: str, architecture: Architecture) -> Runner:
    """Refuse what the device could not start."""
    try:
        facts = read_program(program)
    except ValueError as error:
        raise CompileError(f"{compiler} made {error}; choose another --runner-compiler") from error
    if facts.architecture != architecture.name or not facts.static:
        kind = "static" if facts.static else "dynamically linked"
        raise CompileError(
            f"{compiler} made a {kind} program for {facts.architecture or 'another architecture'}; the "
            f"target needs a static one for {architecture.name}; choose another --runner-compiler"
        )
    return Runner(program, architecture.name, compiler, facts.page_bytes)
