"""Bundles that the API suites share."""

import json
import shutil
from pathlib import Path

import pytest

import checkpoints
import lutwerk
from lutwerk.demo import CHECKPOINT


@pytest.fixture(scope="session")
def demo_bundle(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("demo") / "bundle"
    lutwerk.compile(CHECKPOINT, output)
    return output


@pytest.fixture(scope="session")
def noise_bundle(tmp_path_factory) -> Path:
    """A random model over bytes: its text is mostly not UTF-8."""
    folder = tmp_path_factory.mktemp("noise")
    lutwerk.compile(checkpoints.llama(folder / "checkpoint"), folder / "bundle", chunk=16)
    return folder / "bundle"


@pytest.fixture
def damaged(demo_bundle, tmp_path):
    """Copy the demo bundle and change it: bytes of model.lw, or keys of the manifest."""

    def damage(model=None, manifest=None) -> Path:
        shutil.copytree(demo_bundle, tmp_path, dirs_exist_ok=True)
        data = bytearray((demo_bundle / "model.lw").read_bytes())
        stated = json.loads((demo_bundle / "manifest.json").read_text())
        (tmp_path / "model.lw").write_bytes(model(data) if model else data)
        if manifest:
            manifest(stated)
        (tmp_path / "manifest.json").write_text(json.dumps(stated))
        return tmp_path

    return damage
