"""The roofline, from rows whose answers are known by hand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import roofline
from roofline import Roofline
from roofline_text import text

ROOT = Path(__file__).parents[2]
BUILDS = [ROOT / "build" / preset / "tests/kernels/bench_kernels" for preset in ("dev", "release")]


def _kernel(name: str, rate: float, **other: Any) -> dict[str, Any]:
    """Return a row of a 100 x 100 matrix in 2500 bytes: 4 multiply-adds per byte and token."""
    row = {"kernel": name, "isa": name.rsplit("_", 1)[1], "bits": 2, "group": 0, "zeros": False}
    row |= {"rows": 100, "cols": 100, "bytes": 2500, "test": "memory", "threads": 1}
    return row | {"pages": "4K", "tokens": 1, "giga_per_s": rate} | other


def _read(rate: float, threads: int = 1, pages: str = "4K") -> dict[str, Any]:
    return {"ceiling": "read", "threads": threads, "pages": pages, "gb_per_s": rate}


def _multiply(rate: float, threads: int = 1, isa: str = "avx2") -> dict[str, Any]:
    return {"ceiling": "multiply", "threads": threads, "isa": isa, "giga_per_s": rate}


CEILINGS = [_read(20.0), _read(30.0, 2), _read(99.0, pages="2M"), _multiply(200.0)]
CEILINGS += [_multiply(400.0, 2), _multiply(300.0, isa="avx512")]
ROWS = [
    *CEILINGS,
    _kernel("gemv_fields_mul_scalar", 1.0),
    _kernel("gemv_fields_mul_avx2", 500.0, test="cache"),
    _kernel("gemv_fields_mul_avx2", 60.0),
    _kernel("gemv_fields_mul_avx2", 90.0, threads=2),
    _kernel("gemm_fields_mul_avx2", 150.0, test="64 tokens", tokens=64),
    _kernel("gemm_fields_mul_avx2", 100.0, test="128 tokens", tokens=128),
    _kernel("gemv_base3_lut_avx2", 50.0, group=64, bits=3, bytes=5000),
]


def test_points_know_their_ceiling_and_how_near_they_come() -> None:
    one, two, prefill, grouped = Roofline.from_rows(ROWS).points
    assert (one.intensity, one.roof, one.bound, one.percent) == (4.0, 80.0, "memory", 75.0)
    assert (two.threads, two.roof, two.percent) == (2, 120.0, 75.0)
    assert (prefill.tokens, prefill.intensity, prefill.bound) == (128, 512.0, "multiply")
    assert prefill.percent == 50.0
    assert (grouped.layout, grouped.format, grouped.percent) == ("base3", "i3g64", 125.0)


@pytest.mark.parametrize(
    ("of", "name"), [({"bits": 1}, "b1g32"), ({"bits": 4, "zeros": True}, "u4g32")]
)
def test_formats_have_their_names(of: dict[str, Any], name: str) -> None:
    row = _kernel("gemv_fields_mul_avx2", 60.0, group=32, **of)
    assert Roofline.from_rows([*CEILINGS, row]).points[0].format == name


def test_the_highest_of_equal_ceilings_counts() -> None:
    assert Roofline.from_rows([*ROWS, _read(25.0), _read(15.0)]).roofs[0].read == 25.0


def test_an_instruction_set_can_be_chosen_and_must_be_there() -> None:
    rows = [*ROWS, _kernel("gemv_fields_mul_avx512", 70.0)]
    assert Roofline.from_rows(rows).isa == "avx512"
    assert Roofline.from_rows(rows, "avx2").isa == "avx2"
    with pytest.raises(ValueError, match="no scalar kernel with a ceiling among"):
        Roofline.from_rows(rows, "scalar")


def test_rows_without_their_ceiling_are_refused() -> None:
    rows = [row for row in ROWS if row != _read(30.0, 2)]
    with pytest.raises(ValueError, match=r"no ceiling with .*'threads': 2"):
        Roofline.from_rows(rows)


def test_text_has_the_chart_and_a_line_per_point() -> None:
    lines = text(Roofline.from_rows(ROWS)).splitlines()
    assert "2 threads: reads 30.0 GB/s, multiplies 400 G/s" in lines
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("kernel")) + 1 :]
    assert len(table) == 4
    assert table[0].split()[-4:] == ["60.0", "80.0", "75.0", "memory"]
    chart = "".join(line[8:] for line in lines if "|" in line)
    assert {mark: chart.count(mark) for mark in "fFb"} == {"f": 2, "F": 1, "b": 1}


def test_picture_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'bench'")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(map(json.dumps, ROWS)))
    assert roofline.main([str(rows), "--file", str(tmp_path / "roofline.png")]) == 0
    assert (tmp_path / "roofline.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(roofline, "find_spec", lambda _: None)
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(map(json.dumps, ROWS)))
    assert roofline.main([str(rows), "--file", str(tmp_path / "roofline.png")]) == 0
    printed = capsys.readouterr()
    assert "gemm_fields_mul_avx2" in printed.out
    assert "no matplotlib" in printed.err
    assert not (tmp_path / "roofline.png").exists()


def test_it_reads_what_bench_kernels_prints() -> None:
    program = next((build for build in BUILDS if build.exists()), None)
    if program is None:
        pytest.skip("bench_kernels is not built in build/dev or build/release")
    command = [
        str(program),
        "--quick",
        "--json",
        "--threads",
        "2",
        "--layout",
        "fields",
        "70",
        "90",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if not any(row.get("ceiling") == "multiply" for row in rows):
        pytest.skip("this processor has no instruction set with a multiply ceiling")
    drawn = Roofline.from_rows(rows)
    assert drawn.shape == "70 x 90"
    assert {p.threads for p in drawn.points} == {1, 2}
    assert all(p.rate > 0 and p.roof > 0 for p in drawn.points)
