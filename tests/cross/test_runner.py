"""Where the program of a bundle comes from, and what happens when there is none."""

import shutil
import stat
import subprocess
import sys

import pytest

import lutwerk
from lutwerk.architectures import ARCHITECTURES, host_architecture
from lutwerk.demo import CHECKPOINT
from lutwerk.errors import CompileError
from lutwerk.progress import NoProgress
from lutwerk.runner import build, compilers, obtain, obtain_runner
from lutwerk.runner.elf import read_program
from lutwerk.runner.sources import source_dir, source_files

RISCV = ARCHITECTURES["riscv64"]


@pytest.fixture
def no_compilers(monkeypatch):
    monkeypatch.setattr(obtain, "_FINDERS", {"gcc": lambda _: None, "zig": lambda _: None})
    monkeypatch.setattr(obtain, "_shipped", lambda _: None)


def test_without_any_program_the_message_says_what_to_install(no_compilers, tmp_path):
    with pytest.raises(
        CompileError, match=r"riscv64-linux-gnu-gcc.*pip install \"lutwerk\[cross\]\""
    ):
        lutwerk.compile(CHECKPOINT, tmp_path / "b", target="riscv64")
    assert not list(tmp_path.iterdir())
    lutwerk.compile(CHECKPOINT, tmp_path / "b", target="riscv64", runner=None)
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == ["manifest.json", "model.lw"]


def test_the_package_brings_the_program_of_its_own_architecture(tmp_path):
    found = obtain_runner(host_architecture(), "shipped", NoProgress())
    assert read_program(found.program).static
    lutwerk.compile(CHECKPOINT, tmp_path / "b", context=64)
    assert (tmp_path / "b" / "run").read_bytes() == found.program


def test_the_first_source_that_has_a_program_wins(monkeypatch):
    tried = []

    def source(name, found):
        def find(_):
            tried.append(name)
            return found

        return find

    shipped = obtain._shipped(host_architecture())
    monkeypatch.setattr(obtain, "_FINDERS", {n: source(n, None) for n in ("gcc", "zig")})
    monkeypatch.setattr(obtain, "_shipped", source("shipped", shipped))
    assert obtain_runner(host_architecture(), "auto", NoProgress()).program == shipped[0]
    assert tried == ["shipped"]
    monkeypatch.setattr(obtain, "_shipped", source("shipped", None))
    with pytest.raises(CompileError):
        obtain_runner(host_architecture(), "auto", NoProgress())
    assert tried == ["shipped", "shipped", "gcc", "zig"]


def test_a_program_of_another_architecture_is_refused(monkeypatch):
    monkeypatch.setattr(obtain, "_shipped", lambda _: ((b"\x7fELF\x02\x02" + bytes(90)), "cc"))
    with pytest.raises(
        CompileError, match="cc made not a little-endian ELF program; choose another"
    ):
        obtain_runner(RISCV, "shipped", NoProgress())
    monkeypatch.undo()
    program = obtain._shipped(host_architecture())[0]
    monkeypatch.setattr(obtain, "_shipped", lambda _: (program, "cc"))
    with pytest.raises(CompileError, match=r"cc made a static program for .*one for riscv64"):
        obtain_runner(RISCV, "shipped", NoProgress())


@pytest.mark.parametrize("length", [0, 4, 20, 63, 100])
def test_cut_programs_are_no_programs(length):
    program = obtain._shipped(host_architecture())[0]
    with pytest.raises(ValueError, match="ELF"):
        read_program(program[:length])


def test_a_compiler_that_fails_is_quoted(tmp_path, monkeypatch):
    broken = tmp_path / "broken-cc"
    broken.write_text("#!/bin/sh\necho broken-cc: out of ideas >&2\nexit 1\n")
    broken.chmod(stat.S_IRWXU)
    with pytest.raises(
        CompileError, match=r"(?s)failed with exit code.*--runner-compiler"
    ) as caught:
        obtain_runner(RISCV, str(broken), NoProgress())
    assert "out of ideas" in str(caught.value)


def test_an_unknown_compiler_is_named():
    with pytest.raises(
        CompileError, match=r"'no-such-cc' is no program on this machine; accepted: auto"
    ):
        obtain_runner(RISCV, "no-such-cc", NoProgress())


def test_a_missing_cmake_is_named(monkeypatch):
    monkeypatch.setattr(build, "_tool", lambda _: None)
    compiler = compilers.Compiler("cc", (sys.executable,), {})
    with pytest.raises(CompileError, match=r"needs CMake.*pip install \"lutwerk\[cross\]\""):
        build.build_runner(RISCV, compiler, NoProgress())


def test_a_compiler_that_knows_no_architectures_is_told_of_features(tmp_path):
    """zig takes what follows -march= for the name of a processor, and refuses it."""
    gcc, cmake = shutil.which("aarch64-linux-gnu-gcc"), build._tool("cmake")
    if gcc is None or cmake is None:
        pytest.skip("no cross gcc or no CMake on this machine; .ci/run installs them")
    cc = tmp_path / "cc"
    cc.write_text(f'#!/bin/sh\ncase "$*" in *-march=*) exit 1 ;; esac\nexec {gcc} "$@"\n')
    cc.chmod(stat.S_IRWXU)
    settings = {
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": "aarch64",
        "CMAKE_C_COMPILER": str(cc),
        "LW_BUILD_RUNNER": "ON",
    }
    ninja = ["-G", "Ninja"] if build._tool("ninja") else []
    configure = [cmake, "-S", source_dir(), "-B", tmp_path / "build", *ninja]
    subprocess.run([*configure, *(f"-D{k}={v}" for k, v in settings.items())], check=True)
    commands = (tmp_path / "build" / "compile_commands.json").read_text()
    assert "-march=" not in commands
    for features in ("", "+dotprod", "+dotprod+i8mm"):
        assert f"-mcpu=generic{features} " in commands


def test_what_was_built_is_kept_by_sources_and_compiler(cache, monkeypatch):
    compiler = compilers.Compiler("cc 1", (sys.executable,), {})
    kept = build.cached_runner(RISCV, compiler)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"program")
    assert kept.parent == cache
    assert build.build_runner(RISCV, compiler, NoProgress()) == b"program"
    others = [
        build.cached_runner(ARCHITECTURES["armv7"], compiler),
        build.cached_runner(RISCV, compilers.Compiler("cc 2", (sys.executable,), {})),
    ]
    monkeypatch.setattr(build, "source_hash", lambda: "other sources")
    others.append(build.cached_runner(RISCV, compiler))
    assert len({kept, *others}) == 4


def test_a_cache_without_room_is_no_error_and_keeps_no_half_program(tmp_path, monkeypatch):
    def write_half(path, data):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build.Path, "write_bytes", write_half)
    build._keep(tmp_path / "cache" / "run-x", b"program")
    assert not list((tmp_path / "cache").iterdir())


def test_the_package_carries_the_sources_that_a_build_reads():
    files = {path.as_posix() for path in source_files()}
    assert {"CMakeLists.txt", "runner/main.c", "runtime/include/lutwerk/lutwerk.h"} <= files
    assert (source_dir() / "kernels/scalar/kernels.def").is_file()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc on this machine")
def test_the_compiler_of_this_machine_can_build_it():
    found = obtain_runner(host_architecture(), "gcc", NoProgress())
    assert "gcc" in found.compiler
    assert read_program(found.program).architecture == host_architecture().name
