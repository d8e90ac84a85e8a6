"""The project's targets for speed beside what was measured, as the table of RESULTS.md and README.md.

    python tests/bench/targets.py versus.jsonl kernels.jsonl overhead.jsonl contention.jsonl --write

Reads the JSON lines of versus.py, bench_kernels, overhead.py and contention.py, from any number of
files; of two rows for one figure the later counts. ``--write`` puts the table between the marks of
both documents; without it the table is printed. Lines of bench_kernels carry no date: theirs is the
day when their file was written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Line = dict[str, Any]
ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", Path(__file__).parent / "RESULTS.md")
BEGIN, END = "<!-- targets: begin -->", "<!-- targets: end -->"
MISSING = "not yet measured"


@dataclass(frozen=True)
class Figure:
    """One number of a target: which lines hold it, under which key, and where it is met."""

    label: str
    fits: Callable[[Line], bool]
    key: str
    least: float | None = None
    most: float | None = None

    def met(self, value: float) -> bool:
        """Whether the value reaches its limit."""
        return (self.least is None or value >= self.least) and (
            self.most is None or value < self.most
        )


@dataclass(frozen=True)
class Target:
    """A row of the table."""

    what: str
    aim: str
    command: str
    figures: tuple[Figure, ...]


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _versus(
    shape: str, test: str, least: dict[int, float], *, quant: str, peer: str = "", isa: str = ""
) -> tuple[Figure, ...]:
    """Return our ratio for each number of threads, to the fastest peer unless one is named."""

    def figure(threads: int) -> Figure:
        of = {"shape": shape, "test": test, "threads": threads}

        def fits(line: Line) -> bool:
            return (
                of.items() <= line.items()
                and line["format"].startswith(f"{quant},")
                and line["run"]["ours"].startswith(isa)
                and (line["peer_type"].startswith(f"{peer},") if peer else line["best"])
            )

        return Figure(f"{test}, {_threads(threads)}", fits, "ratio", least[threads])

    return tuple(map(figure, least))


def _kernel(kernel: str, test: str, key: str, least: float, threads: int) -> tuple[Figure, ...]:
    """Return a figure of a ternary kernel for each matrix shape of BitNet b1.58 2B4T."""

    def figure(rows: int, cols: int) -> Figure:
        of = {"kernel": kernel, "test": test, "threads": threads, "rows": rows, "cols": cols}
        of |= {"bits": 2, "group": 0}
        return Figure(f"{rows}x{cols}", lambda line: of.items() <= line.items(), key, least)

    return tuple(figure(*shape) for shape in ((2560, 2560), (6912, 2560), (2560, 6912)))


def _bitnet(of: Line, label: str, key: str, **limit: float) -> Figure:
    """Return a figure of the commands that measure one bundle."""
    wanted = of | {"model": f"synthetic-{BITNET}"}
    return Figure(label, lambda line: wanted.items() <= line.items(), key, **limit)


def _arm(isa: str, product: str, most: float) -> tuple[Figure, ...]:
    """Return our share of the peer's instructions and modelled cycles, one product of one token."""
    of = {"test": "arm counts", "isa": isa, "product": product, "tokens": 1}

    def figure(what: str) -> Figure:
        return Figure(what, lambda line: of.items() <= line.items(), f"{what}_ratio", most=most)

    return figure("instructions"), figure("cycles")


BITNET, LLAMA = "bitnet-b1.58-2B-4T", "llama-3.2-1b"
TARGETS = (
    Target(
        f"decode, {BITNET}, ternary, times llama.cpp TQ2_0",
        "2.2 on 1 thread, 2.8 on 2",
        f"versus.py --shape {BITNET}",
        _versus(BITNET, "tg128", {1: 2.2, 2: 2.8}, quant="ternary", peer="TQ2_0", isa="avx512"),
    ),
    Target(
        "prefill, same",
        "4",
        f"versus.py --shape {BITNET}",
        _versus(BITNET, "pp512", {1: 4, 2: 4}, quant="ternary", peer="TQ2_0", isa="avx512"),
    ),
    Target(
        "ternary product of 1 token, 1.6 bits a weight, one core, in cache, 10^9 weights/s",
        "125",
        "bench_kernels ROWS COLS",
        _kernel("gemv_base3_lut_avx512", "cache", "giga_per_s", 125, threads=1),
    ),
    Target(
        "the same from memory, 2 cores, percent of the read bandwidth of the same run",
        "85",
        "bench_kernels --pages 2M --threads 2 ROWS COLS",
        _kernel("gemv_base3_lut_avx512", "memory", "percent_of_read", 85, threads=2),
    ),
    Target(
        "ternary product of 128 tokens, one core, 10^9 multiply-adds/s",
        "180",
        "bench_kernels ROWS COLS",
        _kernel("gemm_base3_mul_avx512", "128 tokens", "giga_per_s", 180, threads=1),
    ),
    *(
        Target(
            f"decode, {LLAMA}, {bits} bits, times the best llama.cpp type of that size",
            str(least),
            f"versus.py --shape {LLAMA} --quant i{bits}g128",
            _versus(LLAMA, "tg128", {1: least, 2: least}, quant=f"i{bits}g128", isa="avx512"),
        )
        for bits, least in ((4, 1.3), (3, 1.8), (2, 1.6))
    ),
    Target(
        f"prefill, {LLAMA}, 4 bits, times the best of them",
        "1.3",
        f"versus.py --shape {LLAMA} --quant i4g128",
        _versus(LLAMA, "pp512", {1: 1.3, 2: 1.3}, quant="i4g128", isa="avx512"),
    ),
    Target(
        f"AVX2 only, {BITNET}, ternary, times llama.cpp TQ2_0 with AVX2",
        "1.5 in decode and prefill",
        f"versus.py --shape {BITNET} --isa avx2 --peer-python PYTHON",
        tuple(
            figure
            for test in ("tg128", "pp512")
            for figure in _versus(
                BITNET, test, {1: 1.5, 2: 1.5}, quant="ternary", peer="TQ2_0", isa="avx2"
            )
        ),
    ),
    Target(
        f"{BITNET}: 2 threads beside a process that keeps a core busy, times our own 1 thread",
        "0.9",
        "contention.py BUNDLE",
        (_bitnet({"case": "2 beside a busy one"}, "2 threads", "of_1_thread", least=0.9),),
    ),
    Target(
        f"{BITNET}: part of a decoded token that is not matrix products, 512 positions",
        "under 0.15",
        "overhead.py BUNDLE",
        tuple(
            _bitnet({"threads": n, "positions": 512}, _threads(n), "share", most=0.15)
            for n in (1, 2)
        ),
    ),
    *(
        Target(
            f"64-bit ARM, {what}, times llama.cpp {peer}", f"under {most}", "arm_counts.py", figures
        )
        for what, peer, most, figures in (
            ("SDOT, ternary, fields", "TQ2_0", 0.7, _arm("dotprod", "ternary, row, fields", 0.7)),
            ("SDOT, ternary, base3", "TQ2_0", 0.7, _arm("dotprod", "ternary, row, base3", 0.7)),
            ("NEON, ternary, base3", "TQ2_0", 0.6, _arm("neon", "ternary, row, base3", 0.6)),
            ("SDOT, 4 bits, group 128", "Q4_0", 0.9, _arm("dotprod", "i4, g128, fields", 0.9)),
        )
    ),
    Target(
        f"{BITNET} on a Raspberry Pi 5 at 10 GB/s, predicted tokens/s of decode",
        "18",
        "arm_counts.py",
        (
            Figure(
                "base3",
                lambda line: line.get("layout") == "base3",
                "predicted_tokens_per_s",
                least=18,
            ),
        ),
    ),
)


def read_lines(paths: Iterable[Path]) -> list[Line]:
    """Return the objects of all files, each with its day under ``date``."""
    found = []
    for path in paths:
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d")
        for text in filter(str.strip, path.read_text().splitlines()):
            line = json.loads(text)
            found.append(line | {"date": line.get("run", {}).get("date", written)[:10]})
    return found


def table(lines: list[Line]) -> str:
    """Return the table in markdown; what no line holds is not yet measured."""
    rows = [
        "| what | target | ours | met | command, in tests/bench | date |",
        "|---|---|---|---|---|---|",
    ]
    for target in TARGETS:
        values: list[str] = []
        verdicts: list[bool | None] = []
        days = set()
        for figure in target.figures:
            # The key also tells the lines of the benchmarks apart.
            fitting = [line for line in lines if figure.key in line and figure.fits(line)]
            value = fitting[-1][figure.key] if fitting else None
            values.append(f"{figure.label}: {MISSING if value is None else f'{value:g}'}")
            verdicts.append(None if value is None else figure.met(value))
            days |= {fitting[-1]["date"]} if fitting else set()
        ours = "; ".join(values) if days else MISSING
        met = "no" if False in verdicts else "-" if None in verdicts else "yes"
        date = ", ".join(sorted(days)) or "-"
        rows.append(
            f"| {target.what} | {target.aim} | {ours} | {met} | `{target.command}` | {date} |"
        )
    return "\n".join(rows)


def write(document: Path, text: str) -> None:
    """Replace what is between the marks of a document; ValueError when it lacks them."""
    whole = document.read_text()
    if not 0 <= whole.find(BEGIN) < whole.find(END):
        raise ValueError(f"{document}: no marks {BEGIN} and {END}; put them where the table goes")
    before, rest = whole.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main(arguments: list[str] | None = None) -> int:
    """Read, then print or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", nargs="+", type=Path, help="files of JSON lines")
    parser.add_argument("--write", action="store_true", help="into README.md and RESULTS.md")
    options = parser.parse_args(arguments)
    try:
        text = table(read_lines(options.lines))
        if not options.write:
            print(text)
        for document in DOCUMENTS if options.write else ():
            write(document, text)
    except (OSError, ValueError) as error:
        raise SystemExit(f"targets.py: {error}") from error
    return 0


if __name__ == "__main__":
    sys.exit(main())
