"""Counting on an AArch64 that is not there: QEMU runs a program, llvm-mca models a core.

A program is run twice, with different numbers of repetitions; the difference of the executions of each
translated block belongs to the repetitions alone. Blocks are then modelled one by one as loops of
their own, with data in the first-level cache: their cycles times their executions add up.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PREFIX = "aarch64-linux-gnu-"
#: Blocks that run less than this share of the instructions are not modelled, but counted.
_NEGLIGIBLE = 1e-3


class ToolError(Exception):
    """A tool is missing or failed; the message says what to do."""


@dataclass(frozen=True)
class Cost:
    """What one repetition takes."""

    instructions: float
    cycles: float

    def per(self, count: int) -> Cost:
        """Return a share of the cost, for one of ``count``."""
        return Cost(self.instructions / count, self.cycles / count)


def run(command: Sequence[str | Path], text: str | None = None) -> str:
    """Run a command and return what it prints."""
    try:
        done = subprocess.run(
            [*map(str, command)], input=text, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ToolError(
            f"{error.filename} is not installed; on Debian: apt install gcc-aarch64-linux-gnu "
            "g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user llvm-19"
        ) from error
    if done.returncode != 0:
        raise ToolError(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def build_plugin(folder: Path) -> Path:
    """Compile the plugin that counts blocks, for this machine."""
    plugin = folder / "arm_blocks.so"
    run(["gcc", "-O2", "-shared", "-fPIC", HERE / "arm_blocks.c", "-o", plugin])
    return plugin


def measure(program: Path, arguments: Sequence[str], plugin: Path, cpu: str, core: str) -> Cost:
    """Return what one repetition of ``program ARGUMENTS... REPEATS`` takes.

    QEMU's ``cpu`` executes it, and llvm-mca's ``core`` is modelled.
    """
    few, many = (_executions(program, arguments, repeats, plugin, cpu) for repeats in (1, 3))
    code = _disassemble(program)
    blocks = {
        (address, length): (count - few[address, length]) / 2
        for (address, length), count in many.items()
        if count > few[address, length]
    }
    instructions = sum(length * count for (_, length), count in blocks.items())
    hot = {
        block: count
        for block, count in blocks.items()
        if block[1] * count > _NEGLIGIBLE * instructions
    }
    cycles = _model([[code[a + 4 * i] for i in range(n)] for a, n in hot], core)
    modelled = sum(length * count for (_, length), count in hot.items())
    total = sum(c * count for c, count in zip(cycles, hot.values(), strict=True))
    return Cost(instructions, total * instructions / modelled)


def _executions(
    program: Path, arguments: Sequence[str], repeats: int, plugin: Path, cpu: str
) -> Counter[tuple[int, int]]:
    out = program.parent / "blocks.txt"
    command = ["qemu-aarch64", "-cpu", cpu, "-plugin", f"{plugin},out={out}"]
    run([*command, program, *arguments, str(repeats)])
    counts: Counter[tuple[int, int]] = Counter()
    for line in out.read_text().splitlines():
        address, length, executions = line.split()
        counts[int(address, 16), int(length)] += int(executions)
    return counts


def _disassemble(program: Path) -> dict[int, str]:
    """Return the instructions by address, with targets of jumps as names that assemble."""
    listing = run([f"{PREFIX}objdump", "-d", "--no-show-raw-insn", program])
    code = {}
    for line in listing.splitlines():
        if found := re.match(r" +([0-9a-f]+):\s+(\S.*)", line):
            text = re.sub(r"\s*//.*", "", found[2])
            code[int(found[1], 16)] = re.sub(r"\b[0-9a-f]+ <[^>]*>", "elsewhere", text)
    return code


def _model(blocks: list[list[str]], core: str) -> list[float]:
    """Return the cycles of each block on ``core``, when it runs over and over.

    llvm-mca 19 is the first with a model of a Neoverse N1; older ones take that of a Cortex-A57.
    """
    source = "".join(
        f"# LLVM-MCA-BEGIN b{i}\n" + "\n".join(block) + f"\n# LLVM-MCA-END b{i}\n"
        for i, block in enumerate(blocks)
    )
    options = [
        "-mtriple=aarch64",
        f"-mcpu={core}",
        "-mattr=+dotprod,+i8mm",
        "-iterations=200",
        "-json",
    ]
    report = json.loads(run(["llvm-mca-19", *options], source))
    return [
        region["SummaryView"]["TotalCycles"] / region["SummaryView"]["Iterations"]
        for region in report["CodeRegions"]
    ]
