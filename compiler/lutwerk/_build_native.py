"""Write the C source of the extension ``lutwerk._native`` from the public header.

Build tool, run by compiler/CMakeLists.txt: ``python _build_native.py HEADER_DIR OUTPUT.c``. What
the extension offers is the text of lutwerk.h between its two cffi markers, so the binding cannot
drift from the header.
"""

import re
import sys
from pathlib import Path

from cffi import FFI

BEGIN, END = "/* --- begin cffi --- */", "/* --- end cffi --- */"


def declarations(header: str, statuses: str) -> str:
    """The declarations for cffi: the marked part of lutwerk.h after the enum that status.def gives."""
    for marker in (BEGIN, END):
        if header.count(marker) != 1:
            raise SystemExit(f"lutwerk.h: expected the marker {marker!r} once")
    marked = header.split(BEGIN)[1].split(END)[0]
    rows = re.findall(r"^LW_STATUS\( *(\d+), *(\w+),", statuses, flags=re.MULTILINE)
    names = ", ".join(f"LW_{name} = {code}" for code, name in rows)
    return f"typedef enum {{ {names} }} lw_status;\n{marked}"


def main(headers: Path, output: Path) -> None:
    """Write ``output`` from lutwerk.h and status.def in ``headers``."""
    ffi = FFI()
    ffi.cdef(
        declarations(
            (headers / "lutwerk.h").read_text(encoding="utf-8"),
            (headers / "status.def").read_text(encoding="utf-8"),
        )
    )
    ffi.set_source("lutwerk._native", '#include "lutwerk/lutwerk.h"', py_limited_api=True)
    ffi.emit_c_code(str(output))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
