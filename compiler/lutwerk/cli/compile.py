"""``lutwerk compile``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from lutwerk.cli.options import add_json, integer, pair

HELP = """Compile a checkpoint into a bundle.

CHECKPOINT is a Hugging Face folder (config.json, *.safetensors, tokenizer.json) of a `bitnet` or
`llama` model, or synthetic:NAME for random weights in the shapes of a published model, for
benchmarks and sizing. Weights are read tensor by tensor, so memory stays far below the size of the
model. The same checkpoint, options and version give the same bytes.
"""

EXAMPLE = """examples:
  lutwerk compile path/to/bitnet-2B -o bundle
  lutwerk compile path/to/llama-1B -o bundle --quant i4g64 --head i6g64 --rule '*down*=i8g32'
  lutwerk compile path/to/bitnet-2B -o bundle --target rpi5
  lutwerk compile synthetic:bitnet-b1.58-2B-4T -o bundle -c 2048

Quantisers: `ternary` (taken as it is), `absmean` (rounded to ternary), `iBgG` (B bits, groups of G
columns: B 2 to 8, G one of 32 64 128), `iBrow` (one scale per row), `uBgG` (with zero points),
`b1gG` and `b1row` (1 bit), `i57g64` (6 bits for a two-stage head), `f16`, `f32`. `auto` keeps ternary
weights ternary.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("checkpoint", help="Hugging Face folder, or synthetic:NAME")
    parser.add_argument("-o", "--output", required=True, type=Path, help="bundle folder to write")
    parser.add_argument(
        "--target", default="host", help="device class (default: host, this machine)"
    )
    parser.add_argument(
        "--tuning",
        type=Path,
        metavar="FILE",
        help="choose layouts by what `lutwerk tune` measured, instead of the target's speeds; "
        "the manifest names the record",
    )
    quantizers = parser.add_argument_group("quantisation")
    quantizers.add_argument(
        "--quant", default="auto", metavar="QUANT", help="of the linear layers (default: auto)"
    )
    quantizers.add_argument(
        "--head",
        default="auto",
        metavar="QUANT",
        help="of the output head (default: auto; i57g64 reads a large head in two stages)",
    )
    quantizers.add_argument(
        "--embedding", default="auto", metavar="QUANT", help="of an embedding that is not the head"
    )
    quantizers.add_argument(
        "--rule",
        action="append",
        default=[],
        type=pair,
        metavar="PATTERN=QUANT",
        help="of the tensors whose names match, before the others; repeatable, the first match wins",
    )
    plan = parser.add_argument_group("plan")
    plan.add_argument(
        "--layout",
        action="append",
        default=[],
        type=pair,
        metavar="PATTERN=LAYOUT",
        help="byte layout of matching tensors, instead of the target's choice; repeatable",
    )
    plan.add_argument(
        "-c",
        "--ctx-size",
        dest="context",
        type=integer(1, 2**24),
        metavar="N",
        help="greatest context of the bundle (default: the model's, at most 4096)",
    )
    plan.add_argument(
        "--chunk",
        type=integer(1, 4096),
        default=128,
        metavar="N",
        help="prompt tokens evaluated together; more is faster and needs more memory (default: 128)",
    )
    plan.add_argument(
        "--kv",
        choices=("f16", "q8"),
        default="f16",
        help="keys and values in the cache: float16, or int8 in about half of the memory "
        "(default: f16)",
    )
    plan.add_argument(
        "--seed", type=integer(0), default=0, metavar="N", help="of synthetic weights (default: 0)"
    )
    parser.add_argument(
        "--dump-after",
        action="append",
        default=[],
        metavar="PASS",
        help="print the graph after a pass on stderr; `all` for every pass; repeatable",
    )
    parser.add_argument(
        "--check", action="store_true", help="verify the finished bundle on this machine"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing bundle")
    parser.add_argument(
        "--no-device-tokenizer",
        dest="device_tokenizer",
        action="store_false",
        help="leave out the tables by which devices without Python tokenise",
    )
    program = parser.add_argument_group("program for the device")
    either = program.add_mutually_exclusive_group()
    either.add_argument(
        "--runner-compiler",
        dest="runner",
        default="auto",
        metavar="CC",
        help="where the program `run` comes from: shipped with this package, gcc, zig (from the extra "
        "`cross`), or the command of a C compiler for the target (default: the first that there is)",
    )
    either.add_argument(
        "--no-runner",
        dest="runner",
        action="store_const",
        const=None,
        help="leave out the program `run`, for bundles that only Python is to run",
    )
    add_json(parser, "the manifest")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lutwerk.chat_check import check_device_chat
    from lutwerk.pipeline import CompileOptions, compile_bundle
    from lutwerk.progress import console_progress
    from lutwerk.text_check import check_device_text

    options = CompileOptions(
        checkpoint=arguments.checkpoint,
        output=arguments.output,
        target=arguments.target,
        tuning=arguments.tuning,
        quant=arguments.quant,
        head=arguments.head,
        embedding=arguments.embedding,
        rules=tuple(arguments.rule),
        layouts=tuple(arguments.layout),
        context=arguments.context,
        chunk=arguments.chunk,
        kv=arguments.kv,
        seed=arguments.seed,
        dump_after=tuple(arguments.dump_after),
        force=arguments.force,
        device_tokenizer=arguments.device_tokenizer,
        runner=arguments.runner,
    )
    progress = console_progress()
    began = time.perf_counter()
    try:
        manifest = compile_bundle(options, progress, check_device_text, check_device_chat)
    finally:
        progress.finish()
    seconds = time.perf_counter() - began
    _warn(manifest)
    code = _verify(arguments.output) if arguments.check else 0
    if arguments.json:
        print(json.dumps(manifest, indent=2))
        return code

    from lutwerk.cli.summary import (
        memory_line,
        memory_shortage,
        needs_line,
        plan_line,
        runner_line,
        size_line,
    )
    from lutwerk.targets import host_device, load_target

    print(f"{arguments.output}: {manifest['name']}, compiled in {seconds:.1f} s")
    print(f"  size    {size_line(manifest)}")
    print(f"  plan    {plan_line(manifest)}")
    print(f"  needs   {needs_line(manifest)}")
    print(f"  program {runner_line(manifest)}")
    print(f"  memory  {memory_line(manifest)}")
    target = load_target(arguments.target)
    if short := memory_shortage(manifest, target.memory_mib):
        print(f"warning: {short} of {target.name}", file=sys.stderr)
    output = shlex.quote(str(arguments.output))
    if not target.fits(host_device()):
        print(f"next: lutwerk deploy {output} user@device")
    elif arguments.checkpoint.startswith("synthetic:"):
        print(f"next: lutwerk bench {output}")
    else:
        print(f'next: lutwerk run {output} -p "Once upon a time"')
    return code


def _warn(manifest: dict[str, Any]) -> None:
    """Say on stderr what the bundle lacks."""
    chat = manifest["chat"]
    if chat and not chat["carried"]:
        print(
            "lutwerk: warning: the chat template is not in the bundle, and --chat will refuse: "
            f"{chat['reason']}",
            file=sys.stderr,
        )


def _verify(output: Path) -> int:
    """Verify the bundle; its report goes to stderr, because stdout is the command's own."""
    from lutwerk.cli.verify import report
    from lutwerk.verification import verify_folder

    result = verify_folder(output)
    print(report(result), file=sys.stderr)
    return 0 if result.ok else 1
