"""Build the release wheels: manylinux for x86-64 and aarch64, each with the program ``run`` of every architecture.

    pip install ".[cross]" wheel pyelftools && PYTHONPATH=compiler python packaging/wheels.py -o dist

Runs on any 64-bit Linux host: zig compiles for both, against the symbols of one old glibc. A wheel that needs
more than its tag promises is refused. See packaging/README.md.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from elftools.elf.elffile import ELFFile

from lutwerk.architectures import ARCHITECTURES
from lutwerk.progress import console_progress
from lutwerk.runner import obtain_runner
from lutwerk.runner.sources import source_dir

ROOT = Path(__file__).resolve().parents[1]
#: The oldest glibc that the wheels run on: Debian 10, RHEL 8, Ubuntu 20.04, Raspberry Pi OS 10.
GLIBC = "2.28"
WHEELS = ("x86_64", "aarch64")
MACHINES = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}
#: Names of the libraries of glibc.
GLIBC_PARTS = re.compile(r"(libc|libm|libpthread|libdl|ld-linux-(x86-64|aarch64))\.so\.\d")


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("dist"), help="folder to write to"
    )
    parser.add_argument(
        "--wheels", nargs="+", choices=WHEELS, default=WHEELS, metavar="ARCHITECTURE"
    )
    parser.add_argument(
        "--runners",
        nargs="*",
        choices=tuple(ARCHITECTURES),
        default=tuple(ARCHITECTURES),
        metavar="ARCHITECTURE",
        help="programs to bring along (default: all)",
    )
    parser.add_argument("--runner-compiler", default="zig", help="as of `lutwerk compile`")
    arguments = parser.parse_args()
    if source_dir() != ROOT:
        sys.exit(
            f"programs would be built from {source_dir()}, not from {ROOT}; set PYTHONPATH=compiler"
        )
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lutwerk-wheels-") as folder:
        runners = Path(folder) / "runners"
        for name in arguments.runners:
            write_runner(runners / name, name, arguments.runner_compiler)
        for name in arguments.wheels:
            print(build_wheel(name, runners, Path(folder) / name, arguments.output))


def write_runner(folder: Path, name: str, compiler: str) -> None:
    """Put the program of an architecture where compiler/CMakeLists.txt takes it from."""
    runner = obtain_runner(ARCHITECTURES[name], compiler, console_progress())
    folder.mkdir(parents=True)
    (folder / "run").write_bytes(runner.program)
    (folder / "run").chmod(0o755)
    (folder / "compiler.txt").write_text(f"{runner.compiler}\n", encoding="utf-8")


def build_wheel(name: str, runners: Path, folder: Path, output: Path) -> Path:
    """Build one wheel, check what it needs, and give it the tag that says so."""
    raw = folder / "raw"
    raw.mkdir(parents=True)
    # -I: the environment that pip builds in hides what is installed here.
    zig = [sys.executable, "-I", "-m", "ziglang"]
    tools = {
        # -O3 also where CMake only tries the compiler: zig builds its libc once for each such mode.
        "C_COMPILER": [*zig, "cc", "-target", f"{name}-linux-gnu.{GLIBC}", "-O3"],
        "AR": [*zig, "ar"],
        "RANLIB": [*zig, "ranlib"],
    }
    defines = {f"CMAKE_{key}": script(folder / key.lower(), words) for key, words in tools.items()}
    defines |= {
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": name,
        "LW_RUNNERS": str(runners),
    }
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "-w", str(raw)]
    for key, value in defines.items():
        command.append(f"--config-settings=cmake.define.{key}={value}")
    # A build folder of its own: the default one would be shared by architectures.
    command.append(f"--config-settings=build-dir={folder / 'build'}")
    # The host's strip does not know other architectures; zig strips when it links.
    command.append("--config-settings=install.strip=false")
    subprocess.run(command, check=True, env=os.environ | {"LDFLAGS": "-s"})
    (built,) = raw.glob("*.whl")
    return tagged(built, name, output)


def tagged(built: Path, name: str, output: Path) -> Path:
    """Check what the wheel needs, give it the tag that promises this, and put it into ``output``.

    scikit-build-core names the machine that it runs on, whatever the wheel is for.
    """
    check(built, name)
    tag = f"manylinux_{GLIBC.replace('.', '_')}_{name}"
    wheel = [sys.executable, "-m", "wheel", "tags", "--remove", "--platform-tag", tag, str(built)]
    done = subprocess.run(wheel, check=True, capture_output=True, text=True)
    return Path(shutil.copy(built.with_name(done.stdout.split()[-1]), output))


def check(wheel: Path, name: str) -> None:
    """Exit when the extension is of another architecture, needs a newer glibc or another library.

    The programs ``run`` are static; what dynamic code may need is in PEP 600.
    """
    with zipfile.ZipFile(wheel) as archive:
        (extension,) = (n for n in archive.namelist() if n.endswith(".so"))
        elf = ELFFile(io.BytesIO(archive.read(extension)))
    versions = {
        version.name
        for _, group in elf.get_section_by_name(".gnu.version_r").iter_versions()
        for version in group
    }
    newest = max(numbers(v.removeprefix("GLIBC_")) for v in versions if v.startswith("GLIBC_"))
    needed = {t.needed for t in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
    faults = [
        *([f"is for {elf['e_machine']}"] if elf["e_machine"] != MACHINES[name] else []),
        *([f"needs glibc {newest}"] if newest > numbers(GLIBC) else []),
        *(f"needs {library}" for library in sorted(needed) if not GLIBC_PARTS.fullmatch(library)),
    ]
    if faults:
        sys.exit(
            f"{wheel.name}: {extension} {', '.join(faults)}; the tag for glibc {GLIBC} is not true"
        )
    print(f"{wheel.name}: for {elf['e_machine']}, symbols up to GLIBC_{'.'.join(map(str, newest))}")


def numbers(version: str) -> tuple[int, ...]:
    """A version for comparing."""
    return tuple(map(int, version.split(".")))


def script(path: Path, words: list[str]) -> str:
    """A program of one word for CMake."""
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


if __name__ == "__main__":
    main()
