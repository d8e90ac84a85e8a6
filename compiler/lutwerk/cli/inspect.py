"""``lutwerk inspect``."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lutwerk.cli import plan
from lutwerk.cli.options import add_bundle, add_json, bundle_path, integer

if TYPE_CHECKING:
    from lutwerk.manifest import Folder
    from lutwerk.native import Model

HELP = """Show what is in a bundle.

Prints the architecture, every tensor with its format (numerics), layout (bytes) and the kernels
that this processor runs for it, and how much memory the bundle needs. For a bundle that this
processor cannot run, the kernels are those of the instruction set that it was compiled for.
"""

EXAMPLE = """examples:
  lutwerk inspect bundle
  lutwerk inspect bundle --json | jq '.tensors[] | select(.format == "ternary")'
  LUTWERK_ISA=scalar lutwerk inspect bundle
  lutwerk inspect bundle --plan -t 2 --measure
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add_bundle(parser)
    parser.add_argument(
        "-c",
        "--ctx-size",
        dest="context",
        type=integer(1),
        metavar="N",
        help="context for the memory statement (default: the bundle's greatest)",
    )
    parser.add_argument(
        "-t",
        "--threads",
        type=integer(1, 256),
        default=1,
        metavar="N",
        help="threads for the memory statement and the plan (default: 1)",
    )
    planning = parser.add_argument_group("plan")
    planning.add_argument(
        "--plan",
        action="store_true",
        help="show instead why each layout was chosen: predicted times and what bounds them",
    )
    planning.add_argument(
        "--measure", action="store_true", help="with --plan: measure on this machine beside it"
    )
    planning.add_argument(
        "--tuning",
        type=Path,
        metavar="FILE",
        help="with --plan: predict from what `lutwerk tune` measured, not the target's speeds",
    )
    planning.add_argument(
        "--tokens",
        type=integer(2),
        metavar="N",
        help="with --plan: tokens of batched decode or speculative verification (default: 4)",
    )
    add_json(parser, "everything")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lutwerk.manifest import read_folder
    from lutwerk.native import Model

    if (arguments.measure or arguments.tuning or arguments.tokens) and not arguments.plan:
        arguments.parser.error("--measure, --tuning and --tokens go with --plan")
    folder = read_folder(bundle_path(arguments))
    model = Model(folder.model)
    try:
        if arguments.plan:
            few = min(arguments.tokens or plan.FEW, model.info.chunk)
            if arguments.tokens and few < arguments.tokens:
                arguments.parser.error(
                    f"--tokens is {arguments.tokens}; this bundle evaluates at most {few} together"
                )
            planned = plan.describe(
                folder,
                model,
                threads=arguments.threads,
                few=few,
                tuning=arguments.tuning,
                measure=arguments.measure,
            )
            print(json.dumps(planned, indent=2) if arguments.json else plan.report(folder, planned))
            return 0
        described = describe(folder, model, arguments.context, arguments.threads)
    finally:
        model.close()
    print(json.dumps(described, indent=2) if arguments.json else _report(folder, described))
    return 0


def describe(folder: Folder, model: Model, context: int | None, threads: int) -> dict[str, Any]:
    """Everything that --json prints."""
    from lutwerk.native import ISAS, best_isa, runs_here

    fits = runs_here(model)
    isa = best_isa() if fits else model.info.isa
    context = model.info.max_context if context is None else context
    tensors = []
    for index, tensor in enumerate(model.tensors()):
        one, many = (model.kernel(index, isa, tokens) for tokens in (1, model.info.chunk))
        tensors.append(
            {
                **asdict(tensor),
                "bits_per_weight": round(tensor.bits_per_weight, 3),
                "kernel_one": one or None,
                "kernel_many": many or None,
            }
        )
    return {
        **folder.manifest,
        "tensors": tensors,
        "session": {
            "isa": ISAS[isa],
            "runs_here": fits,
            "context": context,
            "threads": threads,
            "kv_bytes": context * model.info.kv_bytes_per_token,
            "workspace_bytes": model.workspace_bytes(context, threads),
        },
    }


def _report(folder: Folder, described: dict[str, Any]) -> str:
    from lutwerk.cli.summary import (
        chat_line,
        memory_line,
        needs_line,
        plan_line,
        runner_line,
        size_line,
        tuning_line,
    )
    from lutwerk.cli.table import columns
    from lutwerk.units import format_bytes

    model, session = described["model"], described["session"]
    isa = session["isa"]
    runs = f"runs {isa} here" if session["runs_here"] else f"{isa} does not run here"
    header = [
        "tensor",
        "rows x cols",
        "format",
        "layout",
        "bytes",
        "bits/weight",
        "one token",
        "many",
    ]
    rows = [
        [
            tensor["name"],
            f"{tensor['rows']} x {tensor['cols']}",
            tensor["format"],
            tensor["layout"],
            format_bytes(tensor["bytes"]),
            f"{tensor['bits_per_weight']:.2f}",
            tensor["kernel_one"] or "-",
            tensor["kernel_many"] or "-",
        ]
        for tensor in described["tensors"]
    ]
    return "\n".join(
        [
            f"{folder.path}: {described['name']} ({described['architecture']})",
            f"  model    {model['layers']} layers, hidden {model['hidden']}, vocabulary {model['vocab']}, "
            f"{model['heads']} heads of {model['head_dim']} on {model['kv_heads']} key/value heads, "
            f"context {model['max_context']}",
            f"  size     {size_line(described)}",
            f"  plan     {plan_line(described)}",
            *(
                [f"  tuning   {tuning_line(described['tuning'])}"]
                if described.get("tuning")
                else []
            ),
            *([f"  chat     {chat_line(described['chat'])}"] if described.get("chat") else []),
            f"  needs    {needs_line(described)}",
            f"  program  {runner_line(described)}",
            f"  memory   {memory_line(described)}",
            f"  session  {format_bytes(session['workspace_bytes'])} besides the weights, for a context of "
            f"{session['context']} with {session['threads']} thread(s); {runs}",
            "",
            columns([header, *rows], right=(1, 4, 5)),
        ]
    )
