"""Bundles for other architectures: made on this machine, proved under emulation."""

import json

import pytest

import lutwerk
from emulators import execute
from lutwerk.demo import CHECKPOINT
from lutwerk.manifest import read_folder
from lutwerk.runner.elf import read_program

PROMPT = ("-p", "Once upon a time", "-n", 16, "--temp", 0, "-c", 64)
#: Target, architecture, and processors that qemu has and the target's devices resemble.
DEVICES = [
    ("rpi5", "aarch64", "cortex-a76"),
    ("rpi5", "aarch64", "max"),
    ("rpi4", "aarch64", "cortex-a72"),
    ("rpi-zero2", "aarch64", "cortex-a53"),
    ("armv7", "armv7", None),
    ("riscv64", "riscv64", None),
]


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """The text that Python gives for the prompt."""
    output = tmp_path_factory.mktemp("story") / "bundle"
    lutwerk.compile(CHECKPOINT, output, runner=None, context=64)
    with lutwerk.load(output) as bundle:
        return "".join(bundle.generate(PROMPT[1], max_tokens=16, temperature=0))


@pytest.mark.parametrize(("target", "architecture", "cpu"), DEVICES)
def test_the_program_gives_the_same_bits_and_the_same_text(
    cross_bundle, story, target, architecture, cpu
):
    program = cross_bundle(target, architecture) / "run"
    done = execute(architecture, program, "--self-test", cpu=cpu)
    assert done.returncode == 0, done.stderr
    done = execute(architecture, program, *PROMPT, cpu=cpu)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{PROMPT[1]}{story}".strip()


def test_a_processor_without_the_instructions_is_refused_in_one_sentence(cross_bundle):
    done = execute("aarch64", cross_bundle("rpi5", "aarch64") / "run", *PROMPT, cpu="cortex-a53")
    assert done.returncode not in (0, 2)
    assert done.stdout == ""
    assert "dotprod" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("target", "architecture"), [(t, a) for t, a, _ in DEVICES])
def test_the_manifest_states_what_the_device_needs(cross_bundle, target, architecture):
    folder = read_folder(cross_bundle(target, architecture))
    program = (folder.path / "run").read_bytes()
    facts = read_program(program)
    assert facts.architecture == architecture
    assert facts.static
    needs = folder.manifest["needs"]
    assert needs["architecture"] == architecture
    assert needs["isa"] == folder.manifest["isa"]
    assert needs["page_bytes"] == facts.page_bytes >= 4096
    assert folder.manifest["files"]["run"]["bytes"] == len(program)
    assert (folder.path / "run").stat().st_mode & 0o777 == 0o755


def test_pages_of_a_raspberry_pi_5_suit_the_program(cross_bundle):
    assert read_folder(cross_bundle("rpi5", "aarch64")).manifest["needs"]["page_bytes"] >= 16384


def test_the_same_input_gives_the_same_bytes(cross_bundle, cache, tmp_path):
    first = cross_bundle("riscv64", "riscv64")
    for kept in cache.glob("run-*-riscv64-*"):
        kept.unlink()
    lutwerk.compile(CHECKPOINT, tmp_path / "b", target="riscv64", runner="gcc", context=64)
    for name in ("model.lw", "run", "manifest.json"):
        assert (tmp_path / "b" / name).read_bytes() == (first / name).read_bytes(), name


def test_logits_do_not_depend_on_the_target(cross_bundle):
    found = {
        json.loads((cross_bundle(t, a) / "manifest.json").read_text())["golden"]["logits_sha256"]
        for t, a, _ in DEVICES
    }
    assert len(found) == 1
