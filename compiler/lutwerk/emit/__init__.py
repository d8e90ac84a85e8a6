"""Writes a planned graph as a device bundle."""

from lutwerk.emit.bundle import write_bundle

__all__ = ["write_bundle"]
