"""Help: every command explains itself, with an example, at once."""

import argparse
import subprocess
import sys

import pytest

from lutwerk.cli import build_parser

COMMANDS = ("compile", "run", "bench", "inspect", "verify", "deploy", "targets", "tune", "demo")


def test_the_help_names_every_command(lutwerk):
    done = lutwerk("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"    {command} " in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_shows_an_example(lutwerk, name):
    done = lutwerk(name, "--help")
    assert done.returncode == 0
    assert f"examples:\n  lutwerk {name}" in done.stdout
    assert done.stderr == ""


def test_every_argument_is_explained():
    actions = build_parser()._actions
    subparsers = next(a for a in actions if isinstance(a, argparse._SubParsersAction))
    assert set(subparsers.choices) == set(COMMANDS)
    for command in subparsers.choices.values():
        for action in command._actions:
            assert action.help, action.option_strings or action.dest


def test_help_needs_no_heavy_imports():
    code = (
        "import sys; from lutwerk.cli import build_parser; build_parser(); "
        "print(*{'numpy', 'tokenizers', 'rich', 'lutwerk._native'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_the_version_is_the_packages(lutwerk):
    import lutwerk as package

    assert lutwerk("--version").stdout == f"lutwerk {package.__version__}\n"
