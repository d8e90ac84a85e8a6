"""Roofline of the matrix kernels: how near each comes to what this machine can do.

    cmake --preset release && cmake --build --preset release
    python tests/bench/roofline.py --threads 2

Runs ``bench_kernels``, or reads its JSON lines from a file, and draws each kernel's speed over its
multiply-adds per byte of weights, under the two ceilings of that run: reading memory and
multiplying bytes (Williams, Waterman and Patterson, doi 10.1145/1498765.1498785). A kernel left of
the ridge cannot be faster than its bytes arrive, one right of it than the core multiplies, unless
it looks products up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

PROGRAM = Path(__file__).parents[2] / "build/release/tests/kernels/bench_kernels"
ISAS = ("scalar", "avx2", "avx512", "neon", "dotprod", "i8mm")


@dataclass(frozen=True)
class Point:
    """One kernel: decode of one token from memory, or prefill on one core.

    ``intensity`` is in multiply-adds per byte of codes and scales, ``rate`` and ``roof`` in 10^9
    multiply-adds a second, ``bound`` is the ceiling that makes the roof: memory or multiply.
    """

    kernel: str
    layout: str
    format: str
    tokens: int
    threads: int
    intensity: float
    rate: float
    roof: float
    bound: str

    @property
    def percent(self) -> float:
        """Part of the roof that the kernel reaches; more than 100 by looking products up."""
        return 100 * self.rate / self.roof


@dataclass(frozen=True)
class Roof:
    """Two ceilings of some threads: GB/s of reading, 10^9 multiply-adds a second."""

    threads: int
    read: float
    multiply: float

    def at(self, intensity: float) -> tuple[float, str]:
        """Return the most multiply-adds a second (10^9), and what bounds them."""
        memory = intensity * self.read
        return (memory, "memory") if memory < self.multiply else (self.multiply, "multiply")


@dataclass(frozen=True)
class Roofline:
    """Points and roofs of one instruction set, one shape and one size of pages."""

    isa: str
    shape: str
    pages: str
    roofs: tuple[Roof, ...]
    points: tuple[Point, ...]

    @classmethod
    def from_rows(cls, rows: Iterable[dict[str, Any]], isa: str | None = None) -> Self:
        """Choose from the objects that ``bench_kernels --json`` prints.

        Args:
            rows: objects of one run.
            isa: instruction set of the kernels; the newest that has a ceiling when None.

        Raises:
            ValueError: the rows have no such kernels, or no ceilings for them.
        """
        rows = list(rows)
        ceilings = [row for row in rows if "ceiling" in row]
        with_peak = {row["isa"] for row in ceilings if row["ceiling"] == "multiply"}
        kernels = [row for row in rows if "kernel" in row and row["isa"] in with_peak]
        present = sorted({row["isa"] for row in kernels}, key=ISAS.index)
        if isa is None and present:
            isa = present[-1]
        kernels = [row for row in kernels if row["isa"] == isa]
        if not kernels:
            raise ValueError(
                f"no {isa + ' ' if isa else ''}kernel with a ceiling among {len(rows)} rows; "
                "make them with bench_kernels --json"
            )
        first = kernels[0]
        most = max(row["tokens"] for row in kernels)
        shown = [row for row in kernels if row["test"] == "memory" or row["tokens"] == most > 1]
        roofs = {
            threads: Roof(
                threads,
                read=_highest(ceilings, "gb_per_s", threads, pages=first["pages"]),
                multiply=_highest(ceilings, "giga_per_s", threads, isa=isa),
            )
            for threads in sorted({row["threads"] for row in shown})
        }
        points = tuple(_point(row, roofs[row["threads"]]) for row in shown)
        shape = f"{first['rows']} x {first['cols']}"
        return cls(isa, shape, first["pages"], tuple(roofs.values()), points)


def _highest(ceilings: list[dict[str, Any]], key: str, threads: int, **of: str) -> float:
    """Return the highest ceiling of ``threads``; rows of several runs have several."""
    wanted = {"threads": threads, **of}
    found: list[float] = [
        row[key] for row in ceilings if wanted.items() <= row.items() and key in row
    ]
    if not found:
        raise ValueError(f"the rows have no ceiling with {wanted}")
    return max(found)


def _format(row: dict[str, Any]) -> str:
    """Return the name of formats.def that has what the row says of its matrix."""
    if not row["group"]:
        return "ternary"
    letter = "u" if row["zeros"] else "b" if row["bits"] == 1 else "i"
    return f"{letter}{row['bits']}g{row['group']}"


def _point(row: dict[str, Any], roof: Roof) -> Point:
    intensity = row["rows"] * row["cols"] * row["tokens"] / row["bytes"]
    most, bound = roof.at(intensity)
    return Point(
        kernel=row["kernel"],
        layout=row["kernel"].split("_")[1],
        format=_format(row),
        tokens=row["tokens"],
        threads=row["threads"],
        intensity=round(intensity, 3),
        rate=row["giga_per_s"],
        roof=round(most, 2),
        bound=bound,
    )


def json_lines(roofline: Roofline) -> str:
    """Return one object per point."""
    return "\n".join(
        json.dumps(asdict(point) | {"percent": round(point.percent, 1)})
        for point in roofline.points
    )


def _rows(options: argparse.Namespace) -> list[dict[str, Any]]:
    if options.rows is not None:
        text = sys.stdin.read() if options.rows == Path("-") else options.rows.read_text()
    elif options.program.exists():
        command = [str(options.program), "--json", "--threads", str(options.threads)]
        command += ["--isa", options.isa] if options.isa else []
        text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    else:
        raise SystemExit(f"roofline.py: no program {options.program}; build it or name --program")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def main(arguments: list[str] | None = None) -> int:
    """Read or measure, then draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("rows", nargs="?", type=Path, help="JSON lines of bench_kernels, - for standard input")
    add("--program", type=Path, default=PROGRAM, help="bench_kernels, run when no file is given")
    add("--threads", type=int, default=1, help="decode also with that many threads (1)")
    add("--isa", choices=ISAS, help="instruction set (the newest of the rows)")
    add("-o", "--output", choices=("png", "text", "json"), default="png", help="png")
    add("--file", type=Path, default=Path("roofline.png"), help="roofline.png")
    options = parser.parse_args(arguments)
    try:
        roofline = Roofline.from_rows(_rows(options), options.isa)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"roofline.py: {error}") from error
    if options.output == "json":
        print(json_lines(roofline))
    elif options.output == "png" and find_spec("matplotlib"):
        from roofline_png import draw

        draw(roofline, options.file)
    else:
        from roofline_text import text

        if options.output == "png":
            print('no matplotlib: text instead (pip install ".[bench]")', file=sys.stderr)
        print(text(roofline))
    return 0


if __name__ == "__main__":
    sys.exit(main())
