"""The table of targets, from made-up lines of each benchmark."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import targets
from targets import MISSING, TARGETS, read_lines, table

DATE = {"run": {"date": "2026-01-02 03:04 UTC", "ours": "avx512, for x86-64-v4"}}


def versus(test: str, threads: int, ratio: float, **more: Any) -> dict[str, Any]:
    line = {"shape": "bitnet-b1.58-2B-4T", "format": "ternary, head i6g64", "best": True}
    line |= {"peer_type": "TQ2_0, head Q6_K", "test": test, "threads": threads, "ratio": ratio}
    return line | DATE | more


def kernel(cols: int, giga_per_s: float) -> dict[str, Any]:
    line = {"kernel": "gemv_base3_lut_avx512", "bits": 2, "group": 0, "rows": 2560, "cols": cols}
    return line | {"test": "cache", "threads": 1, "giga_per_s": giga_per_s, "percent_of_read": 9}


def cells(tmp_path: Path, lines: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The rows of the table by the beginning of their command and what they say."""
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    os.utime(path, (0, 0))
    rows = [row.strip("| ").split(" | ") for row in table(read_lines([path])).splitlines()[2:]]
    return {row[0].split(",")[0]: row[1:] for row in reversed(rows)}


def test_nothing_is_invented(tmp_path: Path) -> None:
    rows = table([]).splitlines()[2:]
    assert len(rows) == len(TARGETS)
    assert all(row.split(" | ")[2:4] == [MISSING, "-"] for row in rows)


def test_a_target_is_met_when_all_its_figures_are(tmp_path: Path) -> None:
    one, two = versus("tg128", 1, 2.2), versus("tg128", 2, 2.79)
    row = cells(tmp_path, [one])["decode"]
    assert row[1:3] == [f"tg128, 1 thread: 2.2; tg128, 2 threads: {MISSING}", "-"]
    row = cells(tmp_path, [one, two])["decode"]
    assert row[1:3] == ["tg128, 1 thread: 2.2; tg128, 2 threads: 2.79", "no"]
    assert row[-1] == "2026-01-02"
    later = versus("tg128", 2, 2.8)
    assert cells(tmp_path, [one, two, later])["decode"][2] == "yes"


def test_only_what_was_asked_for_counts(tmp_path: Path) -> None:
    other = [
        versus("tg128", 1, 9, shape="bitnet-0.73B"),
        versus("tg128", 1, 9, format="i2g64, head i6g64"),
        versus("tg128", 1, 9, peer_type="TQ1_0, head Q6_K"),
        versus("tg128", 1, 9, run=DATE["run"] | {"ours": "avx2, for x86-64-v3"}),
    ]
    rows = cells(tmp_path, other)
    assert rows["decode"][1] == MISSING
    assert rows["AVX2 only"][1].startswith("tg128, 1 thread: 9; tg128, 2 threads: not")
    llama = {"shape": "llama-3.2-1b", "format": "i4g128, head i6g64"}
    slow = versus("pp512", 1, 1.9, peer_type="Q4_K, head Q6_K", best=False, **llama)
    fast = versus("pp512", 1, 1.2, peer_type="Q4_K, head Q6_K, no repack", **llama)
    path = tmp_path / "llama.jsonl"
    path.write_text("\n".join(map(json.dumps, [fast, slow])))
    found = [
        row for row in table(read_lines([path])).splitlines() if "pp512, 1 thread: 1.2;" in row
    ]
    assert len(found) == 1
    assert "| no |" in found[0]


def test_kernels_count_by_shape_and_carry_the_day_of_their_file(tmp_path: Path) -> None:
    row = cells(tmp_path, [kernel(2560, 130.5), kernel(6912, 124)])["ternary product of 1 token"]
    assert row[1] == f"2560x2560: 130.5; 6912x2560: {MISSING}; 2560x6912: 124"
    assert (row[2], row[-1]) == ("no", "1970-01-01")


def test_limits_from_above(tmp_path: Path) -> None:
    model = {"model": "synthetic-bitnet-b1.58-2B-4T"}
    shares = [{"threads": n, "positions": 512, "share": s} for n, s in ((1, 0.1), (2, 0.15))]
    lines = [line | model for line in shares]
    lines.append({"case": "2 beside a busy one", "of_1_thread": 0.9} | model)
    lines += [line | {"model": "other", "share": 0.9} for line in shares]
    rows = cells(tmp_path, lines)
    found = rows["bitnet-b1.58-2B-4T: part of a decoded token that is not matrix products"]
    assert found[1:3] == ["1 thread: 0.1; 2 threads: 0.15", "no"]
    busy = rows["bitnet-b1.58-2B-4T: 2 threads beside a process that keeps a core busy"]
    assert busy[2] == "yes"


def test_the_table_goes_between_the_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "doc.md"
    document.write_text(f"before\n{targets.BEGIN}\nold\n{targets.END}\nafter\n")
    lines = tmp_path / "lines.jsonl"
    lines.write_text(json.dumps(versus("tg128", 1, 3)))
    monkeypatch.setattr(targets, "DOCUMENTS", (document,))
    for _ in range(2):
        assert targets.main([str(lines), "--write"]) == 0
        text = document.read_text()
        assert text.startswith(f"before\n{targets.BEGIN}\n| what |")
        assert text.endswith(f"|\n{targets.END}\nafter\n")
        assert "old" not in text
    document.write_text("no marks")
    with pytest.raises(SystemExit, match="no marks"):
        targets.main([str(lines), "--write"])
