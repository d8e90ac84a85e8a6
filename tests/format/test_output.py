"""The output folder: complete or not there, on full and read-only places and on bad checkpoints; and byte-identical."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import checkpoints
from lutwerk.emit.model import write_model
from lutwerk.errors import CompileError
from lutwerk.native import Model
from lutwerk.pipeline import CompileOptions, compile_bundle

#: Smaller than any bundle, greater than what Python itself writes.
FILE_LIMIT = 16384


@pytest.fixture
def checkpoint(tmp_path):
    return checkpoints.bitnet(tmp_path / "checkpoint")


def run_compile(checkpoint, output, limit=None):
    def limit_files():
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-m", "lutwerk", "compile", str(checkpoint), "-o", str(output)],
        capture_output=True,
        text=True,
        preexec_fn=limit_files,
    )


def assert_refused(done, *words):
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("lutwerk: error: ")
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_leaves_nothing(checkpoint, tmp_path):
    done = run_compile(checkpoint, tmp_path / "bundle", FILE_LIMIT)
    assert_refused(done, str(tmp_path / "bundle"), "cannot be written", "nothing was left behind")
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


def test_a_full_disk_keeps_the_old_bundle(checkpoint, tmp_path):
    output = tmp_path / "bundle"
    compile_bundle(CompileOptions(str(checkpoint), output))
    before = (output / "model.lw").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "lutwerk", "compile", str(checkpoint), "-o", str(output), "--force"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT)),
    )
    assert_refused(done, "cannot be written")
    assert (output / "model.lw").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle", "checkpoint"]


def test_too_little_space_is_noticed_before_the_work(checkpoint, tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(CompileError, match=r"the bundle needs \d.* MB and 0.0 MB are free"):
        compile_bundle(CompileOptions(str(checkpoint), tmp_path / "bundle"))
    assert not (tmp_path / "bundle").exists()


def test_a_read_only_place(checkpoint):
    done = run_compile(checkpoint, "/proc/lutwerk-bundle")
    assert_refused(done, "/proc")
    assert not Path("/proc/lutwerk-bundle").exists()


def test_an_existing_bundle_needs_force(checkpoint, tmp_path):
    output = tmp_path / "bundle"
    compile_bundle(CompileOptions(str(checkpoint), output))
    with pytest.raises(CompileError, match="add --force"):
        compile_bundle(CompileOptions(str(checkpoint), output))
    compile_bundle(CompileOptions(str(checkpoint), output, force=True))


def test_a_bundle_that_comes_meanwhile_needs_force_too(checkpoint, tmp_path, monkeypatch):
    output = tmp_path / "bundle"

    def write(path, *rest):
        written = write_model(path, *rest)
        output.mkdir()
        (output / "model.lw").touch()
        return written

    monkeypatch.setattr("lutwerk.emit.bundle.write_model", write)
    with pytest.raises(CompileError, match="add --force"):
        compile_bundle(CompileOptions(str(checkpoint), output))
    assert [p.name for p in output.iterdir()] == ["model.lw"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle", "checkpoint"]


@pytest.mark.parametrize("comes", [False, True], ids=["fails", "someone else is first"])
def test_a_replacement_that_fails_keeps_a_bundle(checkpoint, tmp_path, monkeypatch, comes):
    output = tmp_path / "bundle"
    compile_bundle(CompileOptions(str(checkpoint), output))
    before = (output / "model.lw").read_bytes()
    rename = Path.rename

    def fail(path, target):
        if path.name != "old" and target == output:
            if comes:
                output.mkdir()
                (output / "model.lw").write_bytes(before)
            raise OSError(39, "Directory not empty")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(CompileError, match="cannot be written: Directory not empty"):
        compile_bundle(CompileOptions(str(checkpoint), output, force=True))
    assert (output / "model.lw").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle", "checkpoint"]


def test_a_folder_of_something_else_is_never_replaced(checkpoint):
    with pytest.raises(CompileError, match="not a bundle"):
        compile_bundle(CompileOptions(str(checkpoint), checkpoint, force=True))
    assert (checkpoint / "config.json").exists()


def test_a_folder_without_tensors(checkpoint, tmp_path):
    (checkpoint / "model.safetensors").unlink()
    assert_refused(run_compile(checkpoint, tmp_path / "b"), str(checkpoint), "safetensors")
    assert not (tmp_path / "b").exists()


def test_a_json_that_is_not_one(checkpoint, tmp_path):
    (checkpoint / "config.json").write_text("{'hidden_size': 64}")
    assert_refused(run_compile(checkpoint, tmp_path / "b"), "config.json", "JSON")


def test_a_missing_checkpoint(tmp_path):
    done = run_compile(tmp_path / "nowhere", tmp_path / "b")
    assert_refused(done, "nowhere")


def test_an_unknown_type_of_cache(checkpoint, tmp_path):
    with pytest.raises(CompileError, match="--kv: cache type 'q4' is not known; accepted: f16, q8"):
        compile_bundle(CompileOptions(str(checkpoint), tmp_path / "b", kv="q4"))


def test_the_same_input_gives_the_same_bytes(tmp_path):
    """Also from another folder of the same name, and with another hash seed."""
    files = []
    for place in ("one", "two"):
        checkpoint = checkpoints.llama(tmp_path / place / "checkpoint")
        output = tmp_path / place / "bundle"
        command = [sys.executable, "-m", "lutwerk", "compile", str(checkpoint), "-o", str(output)]
        command += ["--quant", "i3g32", "--target", "x86-64-v3"]
        environment = {"PYTHONHASHSEED": str(len(files))}
        subprocess.run(command, check=True, capture_output=True, env=environment)
        files.append([(output / n).read_bytes() for n in ("model.lw", "manifest.json")])
    assert files[0] == files[1]


@pytest.mark.parametrize(("kv", "head_bytes"), [("f16", 14 * 2), ("q8", 14 + 4)])
def test_the_manifest_states_the_memory(checkpoint, tmp_path, kv, head_bytes):
    compile_bundle(CompileOptions(str(checkpoint), tmp_path / "bundle", kv=kv))
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    memory = manifest["memory"]
    assert manifest["model"]["kv"] == kv
    assert memory["kv_bytes_per_1k_tokens"] == 1024 * 2 * 2 * 2 * head_bytes
    model = Model(tmp_path / "bundle" / "model.lw")
    assert model.info.kv_bytes_per_token == memory["kv_bytes_per_token"]
    model.close()
    assert memory["weights_bytes"] < manifest["files"]["model.lw"]["bytes"]
    assert manifest["golden"]["tokens"][0] == 12345 % 263
