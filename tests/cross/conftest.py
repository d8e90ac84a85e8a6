"""Bundles of the demo model for other architectures, built once a session."""

import os
import shutil
from pathlib import Path

import pytest

import lutwerk
from lutwerk.architectures import ARCHITECTURES
from lutwerk.demo import CHECKPOINT


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache of the session's own; returns its folder."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    yield folder / "lutwerk"
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture(scope="session")
def cross_bundle(tmp_path_factory):
    """Compile the demo for a target with the cross gcc of its architecture; skips without it."""
    made: dict[str, Path] = {}

    def compile_for(target: str, architecture: str) -> Path:
        gcc = f"{ARCHITECTURES[architecture].gcc}-gcc"
        if shutil.which(gcc) is None:
            pytest.skip(f"no {gcc} on this machine; .ci/run installs it")
        if target not in made:
            output = tmp_path_factory.mktemp("bundles") / target
            lutwerk.compile(CHECKPOINT, output, target=target, runner="gcc", context=64)
            made[target] = output
        return made[target]

    return compile_for
