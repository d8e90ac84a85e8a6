"""``lutwerk verify``."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from lutwerk.cli.options import add_bundle, add_json, add_threads, bundle_path

if TYPE_CHECKING:
    from lutwerk.verification import Verification

HELP = """Check that a bundle is intact and that this machine computes it right.

Compares the hash of every file with the manifest, validates model.lw with the checksum of its
weights, and runs the golden self-test: the logits of stored tokens must have the stored hash, bit
for bit. Exits with 1 when a check fails.
"""

EXAMPLE = """examples:
  lutwerk verify bundle
  lutwerk verify bundle --json | jq -r .logits_sha256
  LUTWERK_ISA=scalar lutwerk verify bundle
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add_bundle(parser)
    add_threads(parser)
    add_json(parser, "the checks and the hash of the golden logits as computed here")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lutwerk.verification import verify_folder

    result = verify_folder(bundle_path(arguments), threads=arguments.threads)
    if arguments.json:
        print(json.dumps({"ok": result.ok, **asdict(result)}, indent=2))
    else:
        print(report(result))
    return 0 if result.ok else 1


def report(result: Verification) -> str:
    """One line for each check."""
    lines = [
        f"ok      {check.name}" if check.ok else f"FAILED  {check.name}: {check.error}"
        for check in result.checks
    ]
    if result.logits_sha256 is not None:
        lines.append(f"golden logits on {result.isa}: sha256 {result.logits_sha256}")
    return "\n".join(lines)
