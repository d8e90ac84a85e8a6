"""The five tables that C and Python share: ids never change, since files in the field name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from repository import ROOT, rows

DEFS = ROOT / "runtime/include/lutwerk"
#: Table -> (macro, first id).
TABLES = {
    "formats": ("LW_FORMAT", 1),
    "layouts": ("LW_LAYOUT", 1),
    "ops": ("LW_OP", 1),
    "isas": ("LW_ISA", 0),
    "status": ("LW_STATUS", 0),
}
#: Ids that stay unused, by table; each .def says why.
RETIRED = {"layouts": {2}}
FROZEN = Path(__file__).with_name("frozen_rows.txt")


@pytest.mark.parametrize("table", TABLES)
def test_ids_count_up_and_names_are_unique(table: str) -> None:
    macro, first = TABLES[table]
    found = rows(DEFS / f"{table}.def", macro)
    ids = [int(row[0]) for row in found]
    assert ids[0] == first
    assert ids == sorted(set(ids)), "ids grow"
    assert not RETIRED.get(table, set()) & set(ids)
    assert len({row[1] for row in found}) == len(found)


@pytest.mark.parametrize("table", TABLES)
def test_published_rows_stay_as_they_are(table: str) -> None:
    """Messages of status.def may be reworded; all else of a published row is relied upon."""
    macro, _ = TABLES[table]
    keep = 2 if table == "status" else None
    found = [" ".join(row[:keep]) for row in rows(DEFS / f"{table}.def", macro)]
    lines = [line.split(" ", 1) for line in FROZEN.read_text().splitlines()]
    published = [rest for which, rest in lines if which == table]
    assert published, f"{FROZEN.name} has no rows of {table}.def"
    assert found[: len(published)] == published, (
        f"{table}.def is append-only: add a row with a new id instead of changing one"
    )
