"""Writes files in pieces that the system can map as huge pages."""

from __future__ import annotations

from typing import BinaryIO

#: Bytes of a huge page of x86-64, and of aarch64 with pages of 4 KiB.
PIECE = 2 << 20


class PieceWriter:
    """Appends to an empty file, in pieces of 2 MiB at multiples of 2 MiB.

    Linux keeps what one call writes in one piece of memory where the file system can (ext4 since
    6.16, XFS, btrfs), and maps a piece of this size as one huge page. A core then reads weights up
    to a quarter faster: it looks up fewer addresses, and prefetches beyond 4 KiB.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._piece = bytearray()
        self._written = 0

    @property
    def position(self) -> int:
        """Bytes of the file so far."""
        return self._written + len(self._piece)

    def write(self, content: memoryview | bytes) -> None:
        """Append contiguous bytes."""
        view = memoryview(content)
        if view.nbytes == 0:  # which has no bytes to cast
            return
        view = view.cast("B")
        while view:
            taken = view[: PIECE - len(self._piece)]
            self._piece += taken
            view = view[len(taken) :]
            if len(self._piece) == PIECE:
                self.flush()

    def pad_to(self, position: int) -> None:
        """Append zeros up to ``position``, which is not before the end."""
        self.write(bytes(position - self.position))

    def flush(self) -> None:
        """Write what is left; to be called once, at the end."""
        self._file.write(self._piece)
        self._written += len(self._piece)
        self._piece.clear()
