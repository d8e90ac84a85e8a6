"""Loading and verifying damaged bundles: each fault is found and named."""

import pytest

import lutwerk
from lutwerk.errors import BundleError
from lutwerk.verification import verify_folder


def flip(position: int):
    def change(data: bytearray) -> bytes:
        data[position] ^= 1
        return bytes(data)

    return change


def failed(path) -> dict[str, str | None]:
    return {check.name: check.status for check in verify_folder(path).checks if not check.ok}


def test_a_good_bundle_passes(demo_bundle):
    result = verify_folder(demo_bundle)
    assert result.ok
    assert [check.name for check in result.checks] == ["files", "model", "self-test"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (flip(0), "ERR_MAGIC"),
        (flip(8), "ERR_VERSION"),
        (flip(-1), "ERR_CHECKSUM"),
        (lambda data: data[:1000], "ERR_TRUNCATED"),
        (lambda data: data + b"\0", "ERR_OVERSIZED"),
        (lambda data: b"", "ERR_TRUNCATED"),
    ],
)
def test_a_damaged_file_is_named_and_not_executed(damaged, change, status):
    path = damaged(model=change)
    assert failed(path) == {"files": None, "model": status}
    assert verify_folder(path).logits_sha256 is None
    with pytest.raises(BundleError, match=status) as caught:
        lutwerk.load(path)
    assert caught.value.status == status
    assert str(path / "model.lw") in str(caught.value)


def test_weights_are_compared_only_when_asked(damaged):
    path = damaged(model=flip(-1))
    lutwerk.load(path, check=False).close()


def test_the_self_test_compares_with_the_manifest_too(damaged):
    def change(manifest):
        manifest["golden"]["logits_sha256"] = "0" * 64

    assert failed(damaged(manifest=change)) == {"self-test": None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(format_version=2), "format_version is 2; this lutwerk reads 1"),
        (lambda m: m.pop("memory"), "memory is None, expected an object"),
        (
            lambda m: m["memory"].pop("weights_bytes"),
            "memory.weights_bytes is None, expected an int",
        ),
        (lambda m: m.update(name=3), "name is 3, expected a text"),
        (lambda m: m.update(files=[]), r"files is \[\], expected an object"),
        (lambda m: m["files"].pop("model.lw"), "files.model.lw is None"),
        (lambda m: m["files"].update(run="x"), "files.run is 'x', expected an object"),
        (lambda m: m.update(tuning=[]), r"tuning is \[\], expected an object"),
        (lambda m: m.update(tuning={"file": "x"}), "tuning.sha256 is None, expected a text"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(damaged, change, message):
    with pytest.raises(BundleError, match=message):
        lutwerk.load(damaged(manifest=change))


def test_a_file_that_the_manifest_names_must_be_there(damaged):
    path = damaged(manifest=lambda m: m["files"].update({"run": {"bytes": 1, "sha256": ""}}))
    assert failed(path) == {"files": None}


def test_a_manifest_may_not_name_files_elsewhere(damaged):
    path = damaged(manifest=lambda m: m["files"].update({"../x": {"bytes": 1, "sha256": ""}}))
    (error,) = [check.error for check in verify_folder(path).checks if check.error]
    assert "'../x', which is not a file of the bundle" in error


@pytest.mark.parametrize("text", ["not json", "[]", '"text"'])
def test_a_manifest_that_is_none_is_refused(damaged, text):
    path = damaged()
    (path / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        lutwerk.load(path)


def test_a_missing_manifest_is_named(damaged):
    path = damaged()
    (path / "manifest.json").unlink()
    with pytest.raises(BundleError, match=r"manifest\.json: cannot be read"):
        lutwerk.load(path)


def test_a_checkpoint_is_told_from_a_bundle(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BundleError, match="compile it first"):
        lutwerk.load(tmp_path)
    with pytest.raises(BundleError, match="not a bundle"):
        lutwerk.load(tmp_path.parent)
