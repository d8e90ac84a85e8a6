"""Time from the start of a bundle's program to its first token.

    python tests/runner/startup.py BUNDLE                   a bundle with its program
    python tests/runner/startup.py synthetic:llama-3.2-1b   compile one, with a tokeniser for all its tokens

The model is in the page cache. The start is the time to the first byte of the answer without the evaluation of
the prompt as the program states it: loading, validation, memory, threads, choosing a token.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice, product
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import lutwerk
from lutwerk.cli.options import integer
from lutwerk.tokenizer import build_section

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "format"))

from hostile import Parts
from programs import NAMES, find_program


def tokenizer(vocab: int) -> str:
    """A byte-level tokenizer.json of ``vocab`` tokens: bytes, pairs of bytes, pairs and a byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [(a, b) for a, b in product(alphabet, alphabet)]
    triples = ((a + b, c) for (a, b), c in product(pairs, alphabet))
    merges = [*pairs, *islice(triples, vocab)][: vocab - len(alphabet)]
    words = [*alphabet, *(a + b for a, b in merges)]
    made = Tokenizer(models.BPE(vocab={w: i for i, w in enumerate(words)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return str(made.to_str())


def make(shape: str, quant: str, folder: Path) -> None:
    """Compile a synthetic model, which has no tokenizer, and give it one."""
    lutwerk.compile(shape, folder, quant=quant)
    parts = Parts((folder / "model.lw").read_bytes())
    text = tokenizer(int(parts.conf["vocab"][0]))
    parts.other["TEXT"][:] = build_section(text, None, [0])
    parts.other["TOKN"][:] = json.dumps({"tokenizer": text}).encode()
    (folder / "model.lw").write_bytes(parts.build())
    shutil.copy2(find_program(NAMES[0]).path, folder / "run")


def measure(bundle: Path) -> tuple[float, float]:
    """Seconds from the start to the first token, without evaluating the prompt; and that."""
    command = [bundle / "run", "-p", "Hello", "-n", "1", "--no-display-prompt"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        seconds = time.perf_counter() - began
        words = process.stderr.read().decode()
    tokens, rate = re.match(r"prompt: (\d+) tokens, ([\d.]+) tokens/s", words).groups()
    return seconds - int(tokens) / float(rate), int(tokens) / float(rate)


def report(bundle: Path, runs: int) -> None:
    """Print medians and ranges in milliseconds."""
    size = len((bundle / "model.lw").read_bytes())
    starts, prompts = zip(*(measure(bundle) for _ in range(runs)), strict=True)
    print(f"model.lw {size / 1e6:.1f} MB, {runs} runs")
    for name, seconds in (("start", starts), ("prompt", prompts)):
        times = sorted(1e3 * s for s in seconds)
        print(f"{name:8}{statistics.median(times):8.1f} ms ({times[0]:.1f} to {times[-1]:.1f})")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", help="its folder, or synthetic:SHAPE")
    parser.add_argument("--quant", default="i2g128", help="of what is compiled (i2g128)")
    parser.add_argument("--runs", type=integer(1), default=15, help="15")
    parser.add_argument("--keep", type=Path, help="leave the compiled bundle in this folder")
    arguments = parser.parse_args()
    if not arguments.bundle.startswith("synthetic:"):
        report(Path(arguments.bundle), arguments.runs)
        return
    with tempfile.TemporaryDirectory() as folder:
        bundle = arguments.keep or Path(folder) / "bundle"
        make(arguments.bundle, arguments.quant, bundle)
        report(bundle, arguments.runs)


if __name__ == "__main__":
    main()
