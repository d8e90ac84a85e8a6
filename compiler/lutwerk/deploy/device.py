"""What a device is, asked over ssh, and whether a bundle can run on it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from lutwerk.architectures import ARCHITECTURES
from lutwerk.deploy.remote import Remote
from lutwerk.errors import DeployError
from lutwerk.manifest import Folder
from lutwerk.targets import ANY, Device, choose_target, parse_device
from lutwerk.units import format_bytes

#: Room besides the files: the manifest, and blocks of the file system.
_SPARE_BYTES = 1 << 20


@dataclass(frozen=True)
class Found:
    """A device as it answered.

    Attributes:
        device: What it says of itself.
        page_bytes: Page size of its kernel; 0 when it does not say.
        memory_bytes: Its memory; 0 when it does not say.
        free_bytes: Free for this user where the bundle is to be.
        sizes: Bytes of the files that are there already, by name.
        rsync: Whether it has rsync.
    """

    device: Device
    page_bytes: int
    memory_bytes: int
    free_bytes: int
    sizes: dict[str, int]
    rsync: bool


def ask(remote: Remote, path: str, names: list[str]) -> Found:
    """Ask a device about itself and about the files ``names`` in folder ``path``."""
    folder = shlex.quote(path)
    sizes = "; ".join(
        f"echo {shlex.quote(name)} $(wc -c 2>/dev/null < {shlex.quote(f'{path}/{name}')} || echo 0)"
        for name in names
    )
    # Not getconf alone: small systems lack it.
    script = f"""
echo '[machine]'; uname -m
echo '[board]'; tr -d '\\000' 2>/dev/null < /proc/device-tree/model; echo
echo '[page]'; getconf PAGESIZE 2>/dev/null || awk '/^KernelPageSize/ {{ print $2 * 1024; exit }}' /proc/self/smaps
echo '[memory]'; awk '/^MemTotal/ {{ print $2 * 1024 }}' /proc/meminfo
echo '[free]'; d={folder}; while [ ! -d "$d" ]; do d=$(dirname "$d"); done
df -Pk "$d" | awk 'NR == 2 {{ print $4 * 1024 }}'
echo '[rsync]'; command -v rsync || true
echo '[sizes]'; {sizes}
echo '[cpuinfo]'; cat /proc/cpuinfo
"""
    parts: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in remote.output(script).splitlines():
        if line.startswith("[") and line.endswith("]"):
            lines = parts.setdefault(line[1:-1], [])
        else:
            lines.append(line)
    try:
        return Found(
            parse_device(parts["machine"][0], "\n".join(parts["cpuinfo"]), parts["board"][0]),
            _number(parts["page"]),
            _number(parts["memory"]),
            _number(parts["free"]),
            {name: int(size) for name, size in (line.rsplit(" ", 1) for line in parts["sizes"])},
            bool("".join(parts["rsync"])),
        )
    except (KeyError, IndexError, ValueError) as error:
        raise DeployError(
            f"{remote.host}: does not answer as Linux does ({error!r}); bundles run on Linux"
        ) from error


def _number(lines: list[str]) -> int:
    # awk of some systems prints large numbers with an exponent.
    return int(float(next(filter(None, lines), "0")))


def check(folder: Folder, found: Found, host: str) -> None:
    """Raise DeployError, naming what is missing, when the device cannot run the bundle."""
    needs, memory, device = folder.manifest["needs"], folder.memory, found.device
    architecture = needs["architecture"]
    advice = f"compile it with --target {choose_target(device).name}"
    machines = ARCHITECTURES[architecture].machines if architecture != ANY else (device.machine,)
    if device.machine not in machines:
        raise DeployError(
            f"{host}: is {device.machine}, but {folder.path} is for {architecture}; {advice}"
        )
    missing = [flag for flag in needs["cpu_flags"] if flag not in device.cpu_flags]
    if missing:
        raise DeployError(
            f"{host}: its processor lacks {', '.join(missing)}, which {folder.path} "
            f"({needs['isa']}) needs; {advice}"
        )
    if needs["page_bytes"] and found.page_bytes > needs["page_bytes"]:
        raise DeployError(
            f"{host}: its kernel has pages of {format_bytes(found.page_bytes)}, but the program in "
            f"{folder.path} takes at most {format_bytes(needs['page_bytes'])}; {advice}"
        )
    least = memory.weights_bytes + memory.kv_bytes_per_1k_tokens + memory.activation_bytes
    if found.memory_bytes and found.memory_bytes < least:
        raise DeployError(
            f"{host}: has {format_bytes(found.memory_bytes)} of memory, but {folder.path} needs "
            f"{format_bytes(least)} for a context of 1024 tokens; compile it with fewer bits, or a "
            "smaller model"
        )


def check_room(folder: Folder, found: Found, host: str, path: str) -> None:
    """Raise DeployError when the files that are not there yet do not fit."""
    stated = {name: file["bytes"] for name, file in folder.manifest["files"].items()}
    missing = sum(size for name, size in stated.items() if found.sizes.get(name) != size)
    if found.free_bytes < missing + _SPARE_BYTES:
        raise DeployError(
            f"{host}: {format_bytes(missing + _SPARE_BYTES)} are needed at {path} and "
            f"{format_bytes(found.free_bytes)} are free; make room, or give another folder: "
            f"{host}:FOLDER"
        )
