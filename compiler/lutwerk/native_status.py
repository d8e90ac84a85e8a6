"""The C library itself, and its status codes as exceptions."""

from __future__ import annotations

from typing import Any

from lutwerk.errors import BundleError, LutwerkError
from lutwerk.model_file import NONE, SECTIONS

try:
    from lutwerk._native import ffi as ffi
    from lutwerk._native import lib as lib
except ModuleNotFoundError as error:
    raise LutwerkError(
        "the C library lutwerk._native is not built; install the package with `pip install .`"
    ) from error

_AGAIN = "copy the bundle again, or compile the checkpoint again"
#: Messages of the other faults of a file end with theirs.
_NEXT_STEP = {
    **dict.fromkeys(
        (
            *("ERR_TRUNCATED", "ERR_OVERSIZED", "ERR_SECTION", "ERR_FORMAT", "ERR_LAYOUT"),
            *("ERR_TENSOR", "ERR_OP", "ERR_CONFIG", "ERR_TEXT", "ERR_CHAT"),
        ),
        _AGAIN,
    ),
    "ERR_MAGIC": "give the folder that `lutwerk compile` wrote",
    "ERR_ISA": "compile it again with `--target` set to one that `lutwerk targets` lists as fitting",
    "ERR_WORKSPACE": "give a smaller context",
    "ERR_THREAD": "give fewer threads",
}


def c_text(c_string: Any) -> str:
    """A C string as text; empty for NULL."""
    return str(ffi.string(c_string).decode()) if c_string else ""


def _place(status: str, detail: int) -> str:
    """Where in the file a fault lies, as the end of a clause."""
    if detail == NONE:
        return ""
    if status in ("ERR_CHECKSUM", "ERR_SECTION", "ERR_TEXT", "ERR_CHAT"):
        return f" in section {SECTIONS[detail] if detail < len(SECTIONS) else detail}"
    return f" at operation {detail}" if status == "ERR_OP" else f" at tensor {detail}"


def status_error(where: str, code: int, detail: int = NONE) -> BundleError:
    """The exception for a status code of the library; ``where`` names the file."""
    status = c_text(lib.lw_status_name(code))
    step = _NEXT_STEP.get(status)
    message = f"{where}: {c_text(lib.lw_status_message(code))} ({status}{_place(status, detail)})"
    return BundleError(f"{message}; {step}" if step else message, status)
