"""Bundles of the real checkpoints, compiled once a session."""

from functools import cache
from pathlib import Path

import pytest

from lutwerk.model_file import ModelFile, read_model_file
from lutwerk.pipeline import CompileOptions, compile_bundle


@pytest.fixture(scope="session")
def bundles(tmp_path_factory):
    """``bundles(checkpoint, **options)`` compiles a checkpoint, or returns the bundle made before."""
    root = tmp_path_factory.mktemp("bundles")

    @cache
    def make(checkpoint: Path, **options) -> Path:
        output = root / str(len(list(root.iterdir())))
        compile_bundle(CompileOptions(str(checkpoint), output, **options))
        return output

    return make


@pytest.fixture(scope="session")
def model_files():
    """The parsed model.lw of a bundle."""

    @cache
    def read(bundle: Path) -> ModelFile:
        return read_model_file(bundle / "model.lw")

    return read
