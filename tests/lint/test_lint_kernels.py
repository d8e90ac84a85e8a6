"""kernels.def and the files beside it say the same, by the name grammar of kernels/README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from repository import ROOT, name, rows, without_comments

KERNELS = ROOT / "kernels"
PREFIX = {"any": "", "x86_64": "x86_", "aarch64": "arm_"}
FOLDER_ISA = {
    PREFIX[architecture] + isa: isa
    for _, isa, architecture in rows(ROOT / "runtime/include/lutwerk/isas.def", "LW_ISA")
}
FOLDERS = sorted(p.parent for p in KERNELS.glob("*/kernels.def"))
LAYOUTS = {row[1]: row for row in rows(ROOT / "runtime/include/lutwerk/layouts.def", "LW_LAYOUT")}
PACKED = sorted(set(LAYOUTS) - {"rows"})
ARGUMENTS = {"LW_GEMV": 3, "LW_LUT": 2, "LW_GEMM": 4, "LW_GATHER": 2, "LW_VECTOR": 3}


@dataclass(frozen=True)
class Kernel:
    """One row of a kernels.def."""

    macro: str
    arguments: tuple[str, ...]

    @property
    def stem(self) -> str:
        """Return the file's name without its ending."""
        first = self.arguments[:2] if self.macro in ("LW_GEMV", "LW_GEMM") else self.arguments[:1]
        prefix = () if self.macro == "LW_VECTOR" else (self.macro[3:].lower(),)
        return "_".join([*prefix, *first])

    @property
    def symbol(self) -> str:
        """Return the function's name."""
        return f"lw_{self.stem}_{self.arguments[-1]}"


def _kernels(folder: Path) -> list[Kernel]:
    table = folder / "kernels.def"
    return [Kernel(macro, tuple(row)) for macro in ARGUMENTS for row in rows(table, macro)]


def _vector_slots() -> dict[str, str]:
    """Return the single-function members of lw_kernels and their types."""
    struct = without_comments((KERNELS / "kernel.h").read_text())
    body = struct[struct.rindex("typedef struct") :]
    return {slot: kind for kind, slot in re.findall(r"lw_(\w+)_fn \*(\w+);", body)}


def test_every_folder_with_kernels_has_a_table() -> None:
    with_code = {p.parent for p in KERNELS.glob("*/*.c")}
    assert with_code == set(FOLDERS)
    assert {f.name for f in FOLDERS} <= set(FOLDER_ISA), "isas.def has no such instruction set"
    assert KERNELS / "scalar" in FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_rows_follow_the_grammar(folder: Path) -> None:
    source = without_comments((folder / "kernels.def").read_text())
    lines = [line for line in source.splitlines() if line.strip()]
    kernels = _kernels(folder)
    assert len(lines) == len(kernels), "a line is no row of the five known macros"
    assert len({k.symbol for k in kernels}) == len(kernels), "a row stands twice"
    slots = _vector_slots()
    for kernel in kernels:
        assert len(kernel.arguments) == ARGUMENTS[kernel.macro], kernel
        assert kernel.arguments[-1] == FOLDER_ISA[folder.name], kernel
        if kernel.macro == "LW_VECTOR":
            assert slots.get(kernel.arguments[0]) == kernel.arguments[1], kernel
        else:
            assert kernel.arguments[0] in PACKED, kernel
        if kernel.macro in ("LW_GEMV", "LW_GEMM"):
            assert kernel.arguments[1] in ("lut", "mul"), kernel


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_rows_and_files_are_the_same(folder: Path) -> None:
    expected = {k.stem: k.symbol for k in _kernels(folder)}
    present = {p.stem for p in folder.glob("*.c")}
    assert present - set(expected) == set(), "files without a row are silently not built"
    assert set(expected) - present == set(), "rows without a file"
    for stem, symbol in expected.items():
        source = without_comments((folder / f"{stem}.c").read_text())
        assert re.search(rf"^void {symbol}\(", source, flags=re.MULTILINE), (
            f"{name(folder)}/{stem}.c does not define {symbol}"
        )


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_lookup_kernels_and_table_builders_come_in_pairs(folder: Path) -> None:
    kernels = _kernels(folder)
    lookups = {k.arguments[0] for k in kernels if k.macro == "LW_GEMV" and k.arguments[1] == "lut"}
    builders = {k.arguments[0] for k in kernels if k.macro == "LW_LUT"}
    assert lookups == builders
    assert all(int(LAYOUTS[layout][4]) > 0 for layout in lookups), "the layout has no tables"


@pytest.mark.parametrize("file", ["kernels.h", "registry.c", "names.c"])
def test_every_table_is_read_where_kernels_are_chosen_and_in_ascending_order(file: str) -> None:
    source = (KERNELS / file).read_text()
    included = re.findall(r'^#include "(\w+)/kernels.def"$', source, flags=re.MULTILINE)
    assert included == [folder for folder in FOLDER_ISA if KERNELS / folder in FOLDERS]


def test_scalar_serves_everything() -> None:
    kernels = _kernels(KERNELS / "scalar")
    for macro in ("LW_GEMV", "LW_GEMM", "LW_GATHER"):
        assert sorted(k.arguments[0] for k in kernels if k.macro == macro) == PACKED, macro
    vectors = {k.arguments[0] for k in kernels if k.macro == "LW_VECTOR"}
    assert vectors == set(_vector_slots())
