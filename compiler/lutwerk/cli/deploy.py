"""``lutwerk deploy``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lutwerk.cli.options import add_json

HELP = """Copy a bundle to a device over ssh and prove that it runs there.

Checks first that the device has the processor, the memory and the room that the bundle needs. Then
copies with rsync, or through ssh alone where rsync is missing; an interrupted copy goes on when the
command runs again. At last the device compares all hashes and runs `./run --self-test`, which
proves that it computes the right bits. Nothing is installed on the device.
"""

EXAMPLE = """examples:
  lutwerk deploy bundle pi@raspberrypi.local
  lutwerk deploy bundle pi@192.168.1.20:models/story --ssh 'ssh -p 2222'
  lutwerk deploy bundle pi@raspberrypi.local --service '-f prompt.txt -n 256'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("bundle", type=Path, help="the bundle folder that `lutwerk compile` wrote")
    parser.add_argument(
        "destination",
        help="user@host or user@host:folder; by default the bundle's name in the home folder",
    )
    parser.add_argument(
        "-e",
        "--ssh",
        default="ssh",
        metavar="COMMAND",
        help="the ssh program with its options (default: ssh)",
    )
    parser.add_argument(
        "--no-rsync",
        dest="rsync",
        action="store_false",
        help="copy through ssh alone, even where both sides have rsync",
    )
    parser.add_argument(
        "--no-self-test",
        dest="self_test",
        action="store_false",
        help="only copy and compare hashes",
    )
    parser.add_argument(
        "--service",
        metavar="ARGUMENTS",
        help="also write a systemd user service that executes `run ARGUMENTS`; it is not started",
    )
    parser.add_argument(
        "--force", action="store_true", help="copy to a device that seems unable to run the bundle"
    )
    add_json(parser, "what was done")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from dataclasses import asdict

    from lutwerk.deploy import DeployOptions, deploy
    from lutwerk.progress import console_progress

    options = DeployOptions(
        bundle=arguments.bundle,
        destination=arguments.destination,
        ssh=arguments.ssh,
        service=arguments.service,
        force=arguments.force,
        self_test=arguments.self_test,
        rsync=arguments.rsync,
    )
    progress = console_progress()
    try:
        done = deploy(options, progress)
    finally:
        progress.finish()
    if arguments.json:
        print(json.dumps(asdict(done), indent=2))
        return 0
    print(f"{done.host}:{done.path}: all files are there, hashes compared")
    if done.self_test is not None:
        print(done.self_test)
    if done.unit is not None:
        print(
            f"next: ssh {done.host} 'systemctl --user daemon-reload && systemctl --user enable --now "
            f"{done.unit}' (and once `loginctl enable-linger`, so that it runs without a login)"
        )
    else:
        print(f"next: ssh {done.host} '{done.path}/run -p \"Once upon a time\"'")
    return 0
