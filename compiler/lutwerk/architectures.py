"""Processor architectures that device programs are built for, under the names that each tool gives them."""

from __future__ import annotations

import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """One architecture and its ABI on Linux.

    Attributes:
        name: As targets and ``isas.def`` name it; CMake's ``CMAKE_SYSTEM_PROCESSOR``.
        machines: What ``uname -m`` gives on devices that run its programs.
        gcc: Prefix of the tools of a gcc for it.
        zig: The target that ``zig cc`` takes for static programs.
        zig_flags: What ``zig cc`` needs besides, where its default is an older processor.
        elf_class: EI_CLASS of its programs: 1 for 32 bits, 2 for 64.
        elf_machine: e_machine of its programs.
        qemu: Name of its user-mode emulator behind ``qemu-``.
    """

    name: str
    machines: tuple[str, ...]
    gcc: str
    zig: str
    zig_flags: tuple[str, ...]
    elf_class: int
    elf_machine: int
    qemu: str


#: By name. ELF numbers: System V ABI, "ELF Header", and the processor supplements.
ARCHITECTURES: dict[str, Architecture] = {
    a.name: a
    for a in (
        Architecture(
            "x86_64",
            ("x86_64", "AMD64"),
            "x86_64-linux-gnu",
            "x86_64-linux-musl",
            (),
            2,
            62,
            "x86_64",
        ),
        Architecture(
            "aarch64",
            ("aarch64", "arm64"),
            "aarch64-linux-gnu",
            "aarch64-linux-musl",
            (),
            2,
            183,
            "aarch64",
        ),
        Architecture(
            "armv7",
            ("armv7l", "armv8l"),
            "arm-linux-gnueabihf",
            "arm-linux-musleabihf",
            ("-mcpu=generic+v7a+vfp3d16",),
            1,
            40,
            "arm",
        ),
        Architecture(
            "riscv64",
            ("riscv64",),
            "riscv64-linux-gnu",
            "riscv64-linux-musl",
            (),
            2,
            243,
            "riscv64",
        ),
    )
}


def host_architecture() -> Architecture | None:
    """The architecture of this machine; None when it is none of :data:`ARCHITECTURES`."""
    machine = platform.machine()
    return next((a for a in ARCHITECTURES.values() if machine in a.machines), None)
