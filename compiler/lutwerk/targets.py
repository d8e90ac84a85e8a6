"""Targets: what a device class needs and prefers, one TOML file each (targets/README.md)."""

from __future__ import annotations

import platform
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lutwerk import defs
from lutwerk.architectures import ARCHITECTURES
from lutwerk.errors import TargetError
from lutwerk.machine import Machine, parse_machine

#: Names of the instruction sets, in the order of their numbers (isas.def).
ISAS = tuple(defs.ISAS)
#: The architecture of targets whose bundles run on every one.
ANY = "any"


@dataclass(frozen=True)
class Device:
    """What a machine says of itself.

    Attributes:
        machine: As ``uname -m`` prints it.
        cpu_flags: Flags (x86) or features (ARM) in ``/proc/cpuinfo``.
        names: The board's name in the device tree, and ``part 0xNNN`` for each kind of ARM core.
    """

    machine: str
    cpu_flags: frozenset[str]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """Facts about a device class; the keys are explained in targets/README.md."""

    name: str
    description: str
    isa: str
    architecture: str
    cpu_flags: tuple[str, ...]
    page_kib: tuple[int, ...]
    memory_mib: tuple[int, ...]
    devices: tuple[str, ...]
    speed: Machine

    def fits(self, device: Device) -> bool:
        """Whether a device can run bundles for this target."""
        machines = ARCHITECTURES[self.architecture].machines if self.architecture != ANY else ()
        return (not machines or device.machine in machines) and device.cpu_flags.issuperset(
            self.cpu_flags
        )

    def recognises(self, device: Device) -> bool:
        """Whether the device's own name says that it is of this class."""
        return any(name.startswith(known) for name in device.names for known in self.devices)


def _targets_dir() -> Path:
    package = Path(__file__).parent
    installed = package / "targets"
    return installed if installed.is_dir() else package.parents[1] / "targets"


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{path}: not valid TOML: {error}") from error


def _read(path: Path) -> Target:
    data = _load(path)
    keys = {f.name for f in fields(Target)} - {"name"}
    if data.keys() != keys:
        odd = ", ".join(sorted(data.keys() ^ keys))
        raise TargetError(f"{path}: missing or unknown key: {odd}; see targets/README.md")
    architectures = (ANY, *ARCHITECTURES)
    for key, accepted in (("isa", ISAS), ("architecture", architectures)):
        if data[key] not in accepted:
            raise TargetError(f"{path}: {key} is {data[key]!r}; accepted: {', '.join(accepted)}")
    needed = defs.ISAS[data["isa"]].architecture
    if needed not in (ANY, data["architecture"]):
        raise TargetError(
            f"{path}: isa {data['isa']} is of {needed}, but architecture is {data['architecture']}"
        )
    speed = {**data["speed"], "rates": _rates(data["speed"].get("rates"), path)}
    lists = {k: tuple(data[k]) for k in ("cpu_flags", "page_kib", "memory_mib", "devices")}
    return Target(
        path.stem,
        data["description"],
        data["isa"],
        data["architecture"],
        **lists,
        speed=parse_machine(speed, str(path)),
    )


def _rates(table: Any, path: Path) -> Any:
    """Rates as a table of numbers: as they stand, or those of target ``like`` times ``times``."""
    if not isinstance(table, dict) or table.keys() != {"like", "times"}:
        return table
    other, times = path.with_name(f"{table['like']}.toml"), table["times"]
    if not other.is_file() or not isinstance(times, int | float) or not times > 0:
        raise TargetError(
            f"{path}: speed.rates is like {table['like']!r} times {times!r}; accepted: the name of a "
            "target that has rates of its own, and a number above 0"
        )
    return _scaled(_load(other)["speed"]["rates"], times)


def _scaled(table: dict[str, Any], times: float) -> dict[str, Any]:
    """Rates grow by ``times``, times shrink by it, shares stay."""
    powers = {"stream": 0, "tables": -1}
    return {
        key: _scaled(value, times)
        if isinstance(value, dict)
        else value * times ** powers.get(key, 1)
        for key, value in table.items()
    }


def _preference(target: Target) -> tuple[Any, ...]:
    """Sort key: the most capable instruction set first; then classes before named devices, as the safer guess.

    So are devices with slower memory.
    """
    return (
        -ISAS.index(target.isa),
        target.architecture == ANY,
        bool(target.devices),
        target.speed.bandwidth[0],
        target.name,
    )


def list_targets() -> list[Target]:
    """All targets by architecture, the most capable instruction set first in each."""
    found = [_read(path) for path in sorted(_targets_dir().glob("*.toml"))]
    order = (*ARCHITECTURES, ANY)
    return sorted(found, key=lambda t: (order.index(t.architecture), *_preference(t)))


def host_device() -> Device:
    """This machine; what the system does not say is empty."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    try:
        board = Path("/proc/device-tree/model").read_text(encoding="utf-8", errors="replace")
    except OSError:
        board = ""
    return parse_device(platform.machine(), text, board)


def parse_device(machine: str, cpuinfo: str, board: str) -> Device:
    """A device by its ``uname -m``, ``/proc/cpuinfo`` and ``/proc/device-tree/model``.

    Flags are those that all processors have: cores of one device may differ.
    """
    flags: list[frozenset[str]] = []
    parts: list[str] = []
    for line in cpuinfo.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key in ("flags", "Features"):
            flags.append(frozenset(value.split()))
        elif key == "CPU part":
            parts.append(f"part {value}")
    common = frozenset.intersection(*flags) if flags else frozenset()
    names = (board.rstrip("\0\n"), *dict.fromkeys(parts))
    return Device(machine, common, tuple(filter(None, names)))


def host_target() -> Target:
    """The target of this machine's own name, or the most capable one that it meets."""
    return choose_target(host_device())


def choose_target(device: Device) -> Target:
    """The target of a device's own name, or the most capable one that it meets."""
    fitting = sorted((t for t in list_targets() if t.fits(device)), key=_preference)
    return next((t for t in fitting if t.recognises(device)), fitting[0])


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
