"""Print how well compiled models agree with transformers, as the table of RESULTS.md.

    python tests/model/report.py ../shared/data

The argument is a folder with checkpoints, golden logits and texts; its own README describes it.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import lutwerk
from lutwerk.evaluate import perplexity

CASES = [
    ("tinystories-bitnet/offline", {}),
    ("tinystories-bitnet/offline", {"head": "i57g64"}),
    ("tinystories-bitnet/offline", {"head": "f16"}),
    ("tinystories-bitnet/offline", {"kv": "q8"}),
    ("tinystories-bitnet/online", {}),
    ("tinystories-bitnet/online", {"head": "i57g64"}),
    ("tinystories-bitnet/online", {"kv": "q8"}),
    ("stories260K", {"quant": "f32", "head": "f32"}),
    ("stories260K", {"quant": "f32", "head": "f32", "kv": "q8"}),
    ("stories260K", {"quant": "f32", "head": "i6g64"}),
    ("stories260K", {"quant": "f32", "head": "i57g64"}),
    ("stories260K", {"quant": "i8g32", "head": "i8g32"}),
    ("stories260K", {"quant": "i6g32", "head": "i8g32"}),
    ("stories260K", {"quant": "i4g32", "head": "i8g32"}),
    ("stories260K", {"quant": "i3g32", "head": "i8g32"}),
    ("stories260K", {"quant": "i2g32", "head": "i8g32"}),
    ("stories260K", {"quant": "u8g32", "head": "u8g32"}),
    ("stories260K", {"quant": "u6g32", "head": "u8g32"}),
    ("stories260K", {"quant": "u4g32", "head": "u8g32"}),
    ("stories260K", {"quant": "u3g32", "head": "u8g32"}),
    ("stories260K", {"quant": "u2g32", "head": "u8g32"}),
]


def measure(data: Path, checkpoint: str, options: dict) -> str:
    name = checkpoint.replace("/", "-")
    golden = np.load(data / "golden" / f"{name}.npz")
    expected = json.loads((data / "golden" / "perplexity.json").read_text())[name]
    text = (data / "text" / "tinystories-heldout.txt").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        manifest = lutwerk.compile(data / checkpoint, Path(folder) / "bundle", **options)
        with lutwerk.load(Path(folder) / "bundle") as bundle:
            errors, agree = [], []
            for i in range(4):
                want = golden[f"logits{i}"]
                got = bundle.logits(golden[f"ids{i}"].tolist())
                errors.append(np.sqrt(((got - want) ** 2).mean()) / want.std())
                agree.extend(got.argmax(1) == want.argmax(1))
            value = perplexity(bundle, text, context=expected["context"]).value
    quantization = manifest["quantization"]
    return (
        f"| {checkpoint} | {quantization['linear']} | {quantization['head']} "
        f"| {manifest['model']['kv']} "
        f"| {np.mean(errors):.2%} | {np.mean(agree):.0%} | {value:.3f} "
        f"| {expected['perplexity']:.3f} | {value / expected['perplexity'] - 1:+.2%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    print(
        "| checkpoint | linear | head | KV | logit error | same best token | perplexity | transformers | difference |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for checkpoint, options in CASES:
        print(measure(data, checkpoint, options), flush=True)


if __name__ == "__main__":
    main()
