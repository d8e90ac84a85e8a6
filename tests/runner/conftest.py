"""Bundles with the program in them, and a way to run it."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from hostile import Parts
from lutwerk.demo import CHECKPOINT
from programs import NAMES, Program, find_program, make_bundle


@pytest.fixture(scope="session", params=NAMES)
def program(request) -> Program:
    return find_program(request.param)


@pytest.fixture(scope="session")
def bundle(program, tmp_path_factory) -> Path:
    """The demo, which tells stories and has a context of 1024 tokens."""
    return make_bundle(tmp_path_factory.mktemp("demo") / "bundle", CHECKPOINT, program)


@pytest.fixture(scope="session")
def bytes_bundle(program, tmp_path_factory) -> Path:
    """Random weights and tokens of one byte each: characters come in pieces, and often broken."""
    root = tmp_path_factory.mktemp("bytes")
    return make_bundle(root / "bundle", checkpoints.bitnet(root / "checkpoint"), program)


@pytest.fixture(scope="session")
def split_bundle(program, tmp_path_factory) -> Path:
    """A two-stage head."""
    folder = tmp_path_factory.mktemp("split") / "bundle"
    return make_bundle(folder, CHECKPOINT, program, head="i57g64", layouts=(("*embed*", "split"),))


@pytest.fixture
def changed(bundle, tmp_path):
    """A copy of the demo whose model.lw was changed: its records, checksums made right, or its bytes."""

    def change(mutate=None, records=None) -> Path:
        shutil.copy2(bundle / "run", tmp_path / "run")
        data = (bundle / "model.lw").read_bytes()
        if records:
            parts = Parts(data)
            records(parts)
            data = parts.build()
        (tmp_path / "model.lw").write_bytes(mutate(data) if mutate else data)
        return tmp_path

    return change


@pytest.fixture
def bundles(bundle, bytes_bundle, split_bundle) -> dict[str, Path]:
    """All of them, for tests that take each."""
    return {"demo": bundle, "bytes": bytes_bundle, "split": split_bundle}


@pytest.fixture(scope="session")
def run():
    """Run ``bundle/run ARGUMENTS``; ``stdin`` is bytes or a file. Returns the finished process, with bytes."""

    def start(
        bundle: Path,
        *arguments: object,
        stdin: Any = b"",
        stdout: Any = subprocess.PIPE,
        environment: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        **options: Any,
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*prefix, str(bundle / "run"), *map(str, arguments)],
            **{"input" if isinstance(stdin, bytes) else "stdin": stdin},
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **(environment or {})},
            timeout=120,
            check=False,
            **options,
        )

    return start
