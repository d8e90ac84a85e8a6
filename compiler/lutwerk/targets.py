"""Targets: what a device class needs and prefers, one TOML file each (targets/README.md)."""

from __future__ import annotations

import platform
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from lutwerk import defs
from lutwerk.errors import TargetError
from lutwerk.machine import Machine, parse_machine

#: Names of the instruction sets, in the order of their numbers (isas.def).
ISAS = tuple(defs.ISAS)


@dataclass(frozen=True)
class Target:
    """Facts about a device class; the keys are explained in targets/README.md."""

    name: str
    description: str
    isa: str
    machine: tuple[str, ...]
    cpu_flags: tuple[str, ...]
    speed: Machine

    def fits(self, machine: str, cpu_flags: frozenset[str]) -> bool:
        """Whether a processor with these flags can run bundles for this target."""
        return (not self.machine or machine in self.machine) and cpu_flags.issuperset(
            self.cpu_flags
        )


def _targets_dir() -> Path:
    package = Path(__file__).parent
    installed = package / "targets"
    return installed if installed.is_dir() else package.parents[1] / "targets"


def _read(path: Path) -> Target:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{path}: not valid TOML: {error}") from error
    keys = {f.name for f in fields(Target)} - {"name"}
    if data.keys() != keys:
        odd = ", ".join(sorted(data.keys() ^ keys))
        raise TargetError(f"{path}: missing or unknown key: {odd}; see targets/README.md")
    if data["isa"] not in ISAS:
        raise TargetError(f"{path}: isa is {data['isa']!r}; accepted: {', '.join(ISAS)}")
    return Target(
        path.stem,
        data["description"],
        data["isa"],
        tuple(data["machine"]),
        tuple(data["cpu_flags"]),
        parse_machine(data["speed"], str(path)),
    )


def list_targets() -> list[Target]:
    """All targets, the most capable instruction set first."""
    found = [_read(path) for path in sorted(_targets_dir().glob("*.toml"))]
    return sorted(found, key=lambda t: (-ISAS.index(t.isa), t.name))


def host_cpu_flags() -> frozenset[str]:
    """Flags of this machine's first processor; empty where the system does not list them."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def host_target() -> Target:
    """The most capable target that this machine meets."""
    machine, flags = platform.machine(), host_cpu_flags()
    return next(t for t in list_targets() if t.fits(machine, flags))


def load_target(name: str) -> Target:
    """The target called ``name``, or this machine's for ``host``. Raises TargetError for an unknown name."""
    if name == "host":
        return host_target()
    targets = {t.name: t for t in list_targets()}
    if name not in targets:
        raise TargetError(
            f"target {name!r} is not known; accepted: host, {', '.join(targets)} "
            "(`lutwerk targets` describes them)"
        )
    return targets[name]
