"""The command line: ``lutwerk COMMAND``. One file per command; each imports what it needs when it runs."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from lutwerk.cli import bench, compile, demo, deploy, inspect, run, targets, tune, verify
from lutwerk.errors import LutwerkError

#: Exit codes; 2 is argparse's for wrong usage, the last three are the shell's for signals.
FAILED, INTERRUPTED, BROKEN_PIPE, TERMINATED = 1, 130, 141, 143

_COMMANDS = (compile, run, bench, inspect, verify, deploy, targets, tune, demo)

_DESCRIPTION = """\
Compile ternary and low-bit language models into bundles that run fast, and exactly, on CPUs.

  lutwerk demo                                 see it work: no checkpoint and no network needed
  lutwerk compile path/to/checkpoint -o out    make a bundle from a Hugging Face folder
  lutwerk run out -p "Once upon a time"        continue a text
"""

_EPILOG = """\
`lutwerk COMMAND --help` explains a command and shows an example. LUTWERK_ISA=scalar, avx2, ...
makes the runtime use a lower instruction set; results are the same bit for bit. Exit codes: 0
success, 1 failure, 2 wrong usage.
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="lutwerk",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        name = command.__name__.rpartition(".")[2]
        first, _, rest = command.HELP.partition("\n")
        child = commands.add_parser(
            name,
            help=first,
            description=f"{first}\n{rest}",
            epilog=command.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(child)
        child.set_defaults(handler=command.run, parser=child)
    return parser


class _Version(argparse.Action):
    """Look the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from lutwerk import __version__

        print(f"lutwerk {__version__}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code; wrong usage exits with 2 at once."""
    arguments, unknown = build_parser().parse_known_args(argv)
    if unknown:
        # By the parser of the command, whose usage lists what it accepts.
        arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A model may write characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="replace")
    try:
        code: int = arguments.handler(arguments)
        sys.stdout.flush()
        return code
    except LutwerkError as error:
        return _fail(str(error))
    except BrokenPipeError:
        # The reader has gone. Python flushes stdout once more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        return _fail(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except MemoryError:
        return _fail("not enough memory; close other programs, or use a smaller model or context")
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED


def _terminate(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that nothing half-written stays."""
    raise SystemExit(TERMINATED)


def _fail(message: str) -> int:
    print(f"lutwerk: error: {message}", file=sys.stderr)
    return FAILED
