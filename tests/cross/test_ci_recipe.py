"""The recipe of docs/ci.md does what it says."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulators import emulator
from lutwerk.architectures import ARCHITECTURES, host_architecture
from lutwerk.demo import CHECKPOINT

#: The checkout.
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs/ci/build-bundles.sh"
TARGETS = {"x86-64-v3": "x86_64", "arm64": "aarch64", "armv7": "armv7", "riscv64": "riscv64"}


def build(*arguments, **environment):
    return subprocess.run(
        [SCRIPT, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "LUTWERK": f"{sys.executable} -m lutwerk", **environment},
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("target", TARGETS)
def test_each_architecture_is_built_and_proved(target, tmp_path):
    architecture = ARCHITECTURES[TARGETS[target]]
    if architecture != host_architecture():
        emulator(architecture.name)
        if shutil.which(f"{architecture.gcc}-gcc") is None:
            pytest.skip(f"no {architecture.gcc}-gcc on this machine; .ci/run installs it")
    done = build(CHECKPOINT, tmp_path / "out", target, LUTWERK_FLAGS="-c 64 --chunk 16")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / target / "manifest.json").read_text())
    assert manifest["target"] == target
    assert manifest["model"]["chunk"] == 16
    assert f"{target}: logits {manifest['golden']['logits_sha256']}" in done.stdout


def test_a_bundle_that_computes_something_else_fails_the_job(tmp_path):
    """The bits are wrong and no checksum says so: only the self-test can find it."""
    spoil = tmp_path / "compile-and-spoil"
    spoil.write_text(
        f"""#!{sys.executable}
import sys
from pathlib import Path
from lutwerk.cli import main
from spoiled import spoil_golden

code = main(sys.argv[1:])
spoil_golden(Path(sys.argv[sys.argv.index("-o") + 1]) / "model.lw")
sys.exit(code)
"""
    )
    spoil.chmod(0o755)
    path = str(Path(__file__).parent)
    done = build(CHECKPOINT, tmp_path / "out", "generic", LUTWERK=str(spoil), PYTHONPATH=path)
    assert done.returncode != 0
    assert "generic: self-test" in done.stdout
    assert "generic: logits" not in done.stdout


def test_the_workflow_runs_the_script_on_targets_that_exist():
    from lutwerk.targets import load_target

    workflow = (ROOT / "docs/ci/bundles.yml").read_text()
    line = next(row for row in workflow.splitlines() if SCRIPT.name in row)
    names = line.split()[line.split().index("bundles") + 1 :]
    assert {load_target(name).architecture for name in names} == set(ARCHITECTURES)
