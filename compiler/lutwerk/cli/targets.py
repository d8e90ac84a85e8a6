"""``lutwerk targets``."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from lutwerk.cli.options import add_json

HELP = """List the device classes that bundles can be compiled for.

A bundle runs on every processor that has what its target needs, and is refused by name on others.
`host` means the target of this machine's own name, or else the most capable one that it meets. The
speeds of ARM and RISC-V targets, by which layouts are chosen, are predictions (--json has sources).
"""

EXAMPLE = """examples:
  lutwerk targets
  lutwerk targets --json
  lutwerk compile path/to/checkpoint -o bundle --target rpi5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add_json(parser, "the targets")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lutwerk.cli.table import columns
    from lutwerk.targets import choose_target, host_device, list_targets

    device = host_device()
    host = choose_target(device)
    found = [
        {**asdict(target), "fits": target.fits(device), "host": target == host}
        for target in list_targets()
    ]
    if arguments.json:
        print(json.dumps(found, indent=2))
        return 0
    rows = [["architecture", "target", "isa", "here", "description", "processor flags"]]
    last = ""
    for target in found:
        here = "host" if target["host"] else "fits" if target["fits"] else "no"
        group = target["architecture"] if target["architecture"] != last else ""
        last = target["architecture"]
        rows.append(
            [
                group,
                target["name"],
                target["isa"],
                here,
                target["description"],
                " ".join(target["cpu_flags"]) or "none",
            ]
        )
    print(columns(rows))
    return 0
