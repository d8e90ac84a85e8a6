"""The tokeniser in a bundle: written, checked, left out on request."""

import subprocess
import sys

import pytest

import checkpoints
import lutwerk
from lutwerk.device_text import DeviceText
from lutwerk.errors import CompileError
from lutwerk.model_file import read_sections


@pytest.fixture
def checkpoint(tmp_path):
    return checkpoints.llama(tmp_path / "checkpoint")


def test_a_bundle_tokenises_as_python_does(checkpoint, tmp_path):
    lutwerk.compile(checkpoint, tmp_path / "bundle")
    device = DeviceText(bytes(read_sections(tmp_path / "bundle" / "model.lw")["TEXT"]), "bundle")
    with lutwerk.load(tmp_path / "bundle") as bundle:
        for text in ("Once upon a time", "<s>again</s>", "", "é 😀"):
            assert device.encode(text.encode()) == bundle.tokenize(text)
            assert device.decode(bundle.tokenize(text)) == bundle.detokenize(bundle.tokenize(text))


def test_an_unsupported_tokenizer_names_the_way_out(checkpoint, tmp_path):
    stored = checkpoint / "tokenizer.json"
    stored.write_text(
        stored.read_text().replace('"normalizer":null', '"normalizer":{"type":"NFKC"}')
    )
    command = [sys.executable, "-m", "lutwerk", "compile", str(checkpoint)]
    command += ["-o", str(tmp_path / "bundle")]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "'NFKC'" in refused.stderr
    assert "--no-device-tokenizer" in refused.stderr
    assert not (tmp_path / "bundle").exists()
    done = subprocess.run([*command, "--no-device-tokenizer"], capture_output=True, text=True)
    assert done.returncode == 0
    assert not read_sections(tmp_path / "bundle" / "model.lw")["TEXT"]


def test_a_difference_leaves_nothing_behind(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(DeviceText, "encode", lambda *_, **__: [0])
    with pytest.raises(CompileError, match="otherwise on a device"):
        lutwerk.compile(checkpoint, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
