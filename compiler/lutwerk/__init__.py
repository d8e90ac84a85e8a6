"""lutwerk: compile ternary and low-bit language models, and run them.

    import lutwerk

    lutwerk.compile("path/to/checkpoint", "bundle")
    with lutwerk.load("bundle") as bundle:
        for piece in bundle.generate("Once upon a time"):
            print(piece, end="", flush=True)

Numerics, file format and layouts are specified in runtime/FORMAT.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lutwerk.api import compile
from lutwerk.errors import BundleError, CheckpointError, CompileError, LutwerkError, TargetError

if TYPE_CHECKING:
    from lutwerk.bundle import Bundle, load

    __version__: str

__all__ = [
    "Bundle",
    "BundleError",
    "CheckpointError",
    "CompileError",
    "LutwerkError",
    "TargetError",
    "__version__",
    "compile",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import what needs the C library, and look up the version, at first use: ``lutwerk --help`` needs neither."""
    if name in ("Bundle", "load"):
        return getattr(import_module("lutwerk.bundle"), name)
    if name == "__version__":
        return import_module("importlib.metadata").version("lutwerk")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
