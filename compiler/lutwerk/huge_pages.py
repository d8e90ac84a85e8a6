"""Memory in huge pages, for what is read again and again: weights and the KV cache.

With pages of 4 KiB a core looks up an address for every 64 cache lines, and its prefetcher stops there;
with pages of 2 MiB it reads memory up to a quarter faster (tests/bench/RESULTS.md). Linux maps a file
with them only where the file system keeps it in such pieces, and gives them to anonymous memory on
request.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_MODES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_SYSTEM = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")
#: A smaller file stays in the caches, where pages do not matter.
LEAST_BYTES = 64 << 20
#: Copy a file only if so many times its bytes are available: the system keeps its own copy a while.
ROOM = 2


def advise(memory: mmap.mmap) -> None:
    """Ask for huge pages; where the system has none, that costs only speed."""
    with suppress(AttributeError, OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)


def map_file(file: BinaryIO, size: int) -> mmap.mmap:
    """Map a file of ``size`` bytes, at least 1, read-only."""
    memory = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    advise(memory)
    return memory


def hold_file(file: BinaryIO, size: int) -> mmap.mmap:
    """Return the bytes of a file: a copy in huge pages where there is room for one, else a mapping.

    Raises:
        OSError: the file cannot be read, or has become shorter than ``size``.
    """
    if size < LEAST_BYTES or not offered() or available_bytes() < ROOM * size:
        return map_file(file, size)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    advise(memory)
    with memoryview(memory) as view:
        done = 0
        while done < size:  # a call reads 2 GiB at most
            count = os.preadv(file.fileno(), [view[done:]], done)
            if count == 0:
                raise OSError(0, "it became shorter while it was read")
            done += count
    return memory


def offered() -> bool:
    """Whether the system gives huge pages to who asks for them."""
    modes = _read(_MODES)
    return "[always]" in modes or "[madvise]" in modes


def available_bytes() -> int:
    """Bytes of memory that can be used without swapping, also by the limit of a container; 0 if unknown."""
    lines = [line.split() for line in _read(_SYSTEM).splitlines()]
    system = [int(line[1]) * 1024 for line in lines if line[0] == "MemAvailable:"]
    limit, used = _read(_GROUP / "memory.max"), _read(_GROUP / "memory.current")
    group = [int(limit) - int(used)] if limit.strip().isdecimal() and used else []
    return min(system + group) if system else 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
