"""Write the C source of the extension ``lutwerk._native`` from the public headers.

Build tool, run by compiler/CMakeLists.txt: ``python _build_native.py HEADER_DIR OUTPUT.c``. What
the extension offers is the text of the headers between their cffi markers, so the binding cannot
drift from the header.
"""

import re
import sys
from pathlib import Path

from cffi import FFI

HEADERS = ("lutwerk.h", "text.h", "chat.h")
BEGIN, END = "/* --- begin cffi --- */", "/* --- end cffi --- */"


def declarations(headers: dict[str, str], statuses: str, isas: str) -> str:
    """The declarations for cffi: the marked parts of the headers after the enums that the tables give."""
    marked = ""
    for name, header in headers.items():
        for marker in (BEGIN, END):
            if header.count(marker) != 1:
                raise SystemExit(f"{name}: expected the marker {marker!r} once")
        marked += header.split(BEGIN)[1].split(END)[0]
    rows = re.findall(r"^LW_STATUS\( *(\d+), *(\w+),", statuses, flags=re.MULTILINE)
    names = ", ".join(f"LW_{name} = {code}" for code, name in rows)
    count = len(re.findall(r"^LW_ISA\(", isas, flags=re.MULTILINE))
    enums = f"typedef enum {{ {names} }} lw_status;\nenum {{ LW_ISA_COUNT = {count} }};"
    return f"{enums}\n{marked}"


def main(headers: Path, output: Path) -> None:
    """Write ``output`` from the public headers and the tables in ``headers``."""
    ffi = FFI()
    ffi.cdef(
        declarations(
            {name: (headers / name).read_text(encoding="utf-8") for name in HEADERS},
            (headers / "status.def").read_text(encoding="utf-8"),
            (headers / "isas.def").read_text(encoding="utf-8"),
        )
    )
    includes = "".join(f'#include "lutwerk/{name}"\n' for name in HEADERS)
    ffi.set_source("lutwerk._native", includes, py_limited_api=True)
    ffi.emit_c_code(str(output))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
