"""``lutwerk targets``."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from lutwerk.cli.options import add_json

HELP = """List the device classes that bundles can be compiled for.

A bundle runs on every processor that has what its target needs, and is refused by name on others.
`host` means the most capable target that this machine meets.
"""

EXAMPLE = """examples:
  lutwerk targets
  lutwerk targets --json
  lutwerk compile path/to/checkpoint -o bundle --target x86-64-v3
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add_json(parser, "the targets")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    import platform

    from lutwerk.cli.table import columns
    from lutwerk.targets import host_cpu_flags, host_target, list_targets

    machine, flags, host = platform.machine(), host_cpu_flags(), host_target()
    found = [
        {**asdict(target), "fits": target.fits(machine, flags), "host": target == host}
        for target in list_targets()
    ]
    if arguments.json:
        print(json.dumps(found, indent=2))
        return 0
    rows = [["target", "isa", "here", "description", "needs"]]
    for target in found:
        here = "host" if target["host"] else "fits" if target["fits"] else "no"
        needs = " ".join([*target["machine"][:1], *target["cpu_flags"]]) or "nothing"
        rows.append([target["name"], target["isa"], here, target["description"], needs])
    print(columns(rows))
    return 0
