"""Executed instructions and modelled cycles per weight on 64-bit ARM, ours beside llama.cpp's.

    python tests/bench/arm_counts.py                    # a table
    python tests/bench/arm_counts.py -o json > arm.jsonl # a line a product; targets.py reads them
    python tests/bench/arm_counts.py --tokens 4 128     # products of several tokens

No ARM processor is needed: QEMU executes the products, and llvm-mca models the hot blocks
on a Neoverse N1 with data in the first-level cache (arm_machine.py), for both sides alike. llama.cpp's
kernels are compiled from the source package of llama-cpp-python by the same compiler with the same
-march. The last lines predict decoding on a Raspberry Pi 5 from these figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from arm_machine import HERE, PREFIX, ToolError, build_plugin, measure, run

ROOT = HERE.parents[1]
PEER = "llama-cpp-python==0.3.36"
#: Instruction set -> flag of both sides' compilers, a processor that has it, and one to model.
ISAS = {
    "neon": ("armv8-a", "cortex-a72", "neoverse-n1"),
    "dotprod": ("armv8.2-a+dotprod", "neoverse-n1", "neoverse-n1"),
    "i8mm": ("armv8.2-a+dotprod+i8mm", "max", "neoverse-n2"),
}
#: Ours: layout, bits, columns per scale (0: a scale per row), and the peer to compare with.
OURS = (
    ("base3", 2, 0, "TQ2_0"),
    ("fields", 2, 0, "TQ2_0"),
    ("planes", 2, 0, "TQ2_0"),
    ("fields", 4, 128, "Q4_0"),
    ("fields", 4, 32, "Q4_0"),
    ("fields", 3, 128, "Q4_0"),
    ("fields", 2, 128, "Q4_0"),
)
#: Peers; with SDOT and SMMLA, llama.cpp interleaves four rows of Q4_0.
THEIRS = {
    "neon": ("TQ1_0", "TQ2_0", "Q4_0"),
    "dotprod": ("TQ1_0", "TQ2_0", "Q4_0_4x4"),
    "i8mm": ("TQ1_0", "TQ2_0", "Q4_0_4x8"),
}
#: What is compiled of llama.cpp; what these files need of others is not called.
_SOURCES = ("quants.c", "arch/arm/quants.c", "arch/arm/repack.cpp")

#: Decoding BitNet b1.58 2B4T: ternary weights of all layers; rows and columns of the head, of which
#: the first of two stages reads 3 bits and a float16 scale for each 64 weights.
LAYER_WEIGHTS = 2_084_044_800
HEAD_WEIGHTS = 128_256 * 2560
HEAD_BITS = 3.25
#: Cores and cycles a second of a Raspberry Pi 5, and bytes a second that its memory gives.
PI5_CORES, PI5_CLOCK, PI5_MEMORY = 4, 2.4e9, 10e9


@dataclass(frozen=True)
class Row:
    """A product; counts are per weight and token, ratios to the peer of the row."""

    product: str
    isa: str
    tokens: int
    instructions: float
    cycles: float
    peer: str = ""
    instructions_ratio: float | None = None
    cycles_ratio: float | None = None
    test: str = "arm counts"


def build_ours(folder: Path) -> Path:
    """Cross-compile the library by its CMake preset and link arm_ours.c with it."""
    build = folder / "ours"
    run(["cmake", "-S", ROOT, "--preset", "aarch64", "-B", build])
    run(["cmake", "--build", build, "--target", "lutwerk_kernels", "--parallel", "2"])
    program = folder / "arm_ours"
    includes = [f"-I{ROOT / path}" for path in ("kernels", "runtime/include")]
    objects = sorted(build.rglob("lutwerk_kernels.dir/**/*.o"))
    command = [f"{PREFIX}gcc", "-O2", "-static", *includes, HERE / "arm_ours.c", *objects]
    run([*command, "-lm", "-o", program])
    return program


def build_theirs(folder: Path, sources: Path | None) -> dict[str, Path]:
    """Compile llama.cpp's ARM kernels for each instruction set."""
    package = sources or _download(folder)
    with tarfile.open(package) as archive:
        wanted = [m for m in archive.getmembers() if "/vendor/llama.cpp/ggml/" in m.name]
        archive.extractall(folder, members=wanted, filter="data")
    ggml = next(folder.glob("*/vendor/llama.cpp/ggml"))
    includes = [f"-I{ggml / path}" for path in ("include", "src", "src/ggml-cpu")]
    programs = {}
    for isa, (march, *_) in ISAS.items():
        flags = ["-w", "-O3", f"-march={march}", "-ffunction-sections", "-D_GNU_SOURCE", *includes]
        objects = []
        for number, source in enumerate(_SOURCES):
            objects.append(folder / f"peer-{isa}-{number}.o")
            compiler = "g++" if source.endswith("cpp") else "gcc"
            path = ggml / "src/ggml-cpu" / source
            run([f"{PREFIX}{compiler}", *flags, "-c", path, "-o", objects[-1]])
        programs[isa] = folder / f"arm_peer-{isa}"
        link = ["-Wl,--gc-sections", "-Wl,--unresolved-symbols=ignore-all", "-lm"]
        command = [f"{PREFIX}gcc", "-O2", "-static", HERE / "arm_peer.c", *objects]
        run([*command, *link, "-o", programs[isa]])
    return programs


def _download(folder: Path) -> Path:
    options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "-q", "-d", folder]
    run([sys.executable, "-m", "pip", "download", *options, PEER])
    return next(folder.glob("llama_cpp_python-*.tar.gz"))


def count(
    folder: Path, sources: Path | None, shape: tuple[int, int], tokens: list[int], core: str
) -> Iterator[Row]:
    """Yield the peers' products, then ours with their ratios, for each instruction set and number of tokens.

    Kernels of SMMLA are for several tokens alone. ``core``: what to model, or "" for the defaults.
    """
    plugin = build_plugin(folder)
    ours, theirs = build_ours(folder), build_theirs(folder, sources)
    for isa, many in ((isa, n) for isa in ISAS for n in tokens if n > 1 or isa != "i8mm"):
        _, cpu, model = ISAS[isa]
        size = [str(number) for number in (*shape, many)]
        work = shape[0] * shape[1] * many
        peers = {}
        for name in THEIRS[isa]:
            cost = measure(theirs[isa], [name, *size], plugin, cpu, core or model).per(work)
            peers[name] = cost
            yield Row(f"llama.cpp {name}", isa, many, cost.instructions, cost.cycles)
        for layout, bits, group, like in OURS:
            peer = next(name for name in reversed(peers) if name.startswith(like))
            arguments = [isa, layout, str(bits), str(group), *size]
            cost = measure(ours, arguments, plugin, cpu, core or model).per(work)
            scale = f"g{group}" if group else "row"
            kind = "ternary" if not group else f"i{bits}"
            yield Row(
                f"{kind}, {scale}, {layout}",
                isa,
                many,
                cost.instructions,
                cost.cycles,
                f"llama.cpp {peer}",
                cost.instructions / peers[peer].instructions,
                cost.cycles / peers[peer].cycles,
            )


def predict(rows: list[Row]) -> list[dict[str, object]]:
    """Predict tokens a second of BitNet b1.58 2B4T on a Raspberry Pi 5: memory or cores, whichever takes longer.

    Of the head the first stage is counted, at the cycles of 3 bits; attention, norms and the rows
    that are read again are not.
    """
    cycles = {row.product: row.cycles for row in rows if (row.isa, row.tokens) == ("dotprod", 1)}
    predictions = []
    for layout, bits in (("base3", 1.6), ("fields", 2.0)):
        work = LAYER_WEIGHTS * cycles[f"ternary, row, {layout}"]
        work += HEAD_WEIGHTS * cycles["i3, g128, fields"]
        seconds = {
            "memory": (LAYER_WEIGHTS * bits + HEAD_WEIGHTS * HEAD_BITS) / 8 / PI5_MEMORY,
            "cores": work / PI5_CORES / PI5_CLOCK,
        }
        limit = max(seconds, key=lambda part: seconds[part])
        found = {"test": "arm prediction", "layout": layout, "limit": limit}
        found |= {"predicted_tokens_per_s": round(1 / seconds[limit], 2)}
        predictions.append(found | {f"{part}_ms": round(s * 1e3, 2) for part, s in seconds.items()})
    return predictions


def text(row: Row) -> str:
    """Return a row of the table in Markdown."""
    ratios = ("-", "-")
    if row.instructions_ratio is not None and row.cycles_ratio is not None:
        ratios = (f"{row.instructions_ratio:.2f}", f"{row.cycles_ratio:.2f}")
    numbers = (f"{row.instructions:.3f}", f"{row.cycles:.4f}")
    return (
        "| "
        + " | ".join((row.product, row.isa, str(row.tokens), *numbers, row.peer or "-", *ratios))
        + " |"
    )


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sources", type=Path, help=f"source package of {PEER} (downloaded)")
    parser.add_argument("--shape", type=int, nargs=2, default=(2560, 2560), help="rows, columns")
    parser.add_argument("--tokens", type=int, nargs="+", default=[1], help="1, or multiples of 4")
    parser.add_argument(
        "--core",
        default="",
        help="core to model, as llvm-mca's -mcpu (a Neoverse by instruction set)",
    )
    parser.add_argument("-o", "--output", choices=("md", "json"), default="md")
    options = parser.parse_args()
    rows = []
    if options.output == "md":
        columns = "product|isa|tokens|instructions|cycles|peer|instructions ratio|cycles ratio"
        print(f"| {columns.replace('|', ' | ')} |")
        print("|---|---|---:|---:|---:|---|---:|---:|")
    try:
        with tempfile.TemporaryDirectory() as folder:
            shape, tokens = tuple(options.shape), options.tokens
            for row in count(Path(folder), options.sources, shape, tokens, options.core):
                rows.append(row)
                as_json = options.output == "json"
                print(json.dumps(asdict(row)) if as_json else text(row), flush=True)
    except ToolError as error:
        print(f"arm_counts.py: {error}", file=sys.stderr)
        return 1
    for prediction in predict(rows) if 1 in options.tokens else []:
        if options.output == "json":
            print(json.dumps(prediction))
        else:
            print(
                f"\nRaspberry Pi 5, BitNet b1.58 2B4T in {prediction['layout']}, predicted: "
                f"{prediction['predicted_tokens_per_s']} tokens/s, limited by {prediction['limit']} "
                f"(memory {prediction['memory_ms']} ms, cores {prediction['cores_ms']} ms)"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
