"""``lutwerk deploy`` against a real ssh server: what arrives, what is refused, what an interruption leaves."""

import hashlib
import subprocess
from pathlib import Path

import pytest

import lutwerk
from devices import change_manifest
from lutwerk.demo import CHECKPOINT
from lutwerk.deploy import DeployOptions, deploy
from lutwerk.deploy.remote import Destination, parse_destination
from lutwerk.deploy.service import unit, unit_name
from lutwerk.errors import DeployError

BOTH = pytest.mark.parametrize("rsync", [True, False], ids=["rsync", "ssh"])


def run(device, bundle, path, **options):
    return deploy(DeployOptions(bundle, f"{device.host}:{path}", device.ssh, **options))


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@BOTH
def test_the_bundle_arrives_whole_and_proves_itself(device, bundle, tmp_path, rsync):
    there = tmp_path / "a new folder" / "it's"
    done = run(device, bundle, there, rsync=rsync)
    assert done.self_test == "self-test ok"
    assert contents(there) == contents(bundle)
    assert not [p.name for p in there.iterdir() if p.is_dir()]
    assert subprocess.run([there / "run", "--self-test"], check=True, capture_output=True)


def test_the_real_program_computes_the_golden_logits_there(device, tmp_path):
    manifest = lutwerk.compile(CHECKPOINT, tmp_path / "story", context=64)
    done = run(device, tmp_path / "story", tmp_path / "there")
    assert manifest["golden"]["logits_sha256"] in done.self_test


@BOTH
def test_a_second_copy_replaces_what_differs(device, bundle, tmp_path, rsync):
    there = tmp_path / "there"
    run(device, bundle, there, rsync=rsync)
    (there / "model.lw").write_bytes(b"x" * (bundle / "model.lw").stat().st_size)
    (there / "notes.txt").write_text("mine")
    run(device, bundle, there, rsync=rsync)
    assert contents(there) == contents(bundle) | {"notes.txt": b"mine"}


def test_an_interrupted_copy_goes_on(device, bundle, tmp_path):
    """What had arrived is not sent again: a change of it on the way is found by its hash."""
    there = tmp_path / "there"
    run(device, bundle, there, rsync=False)
    model = (there / "model.lw").read_bytes()
    digest = hashlib.sha256(model).hexdigest()
    part = there / ".partial" / f"model.lw.{digest[:16]}"
    part.parent.mkdir()
    (there / "model.lw").unlink()
    part.write_bytes(model[:1000])
    run(device, bundle, there, rsync=False)
    assert (there / "model.lw").read_bytes() == model
    (there / "model.lw").unlink()
    part.parent.mkdir()
    part.write_bytes(b"x" * 1000)
    with pytest.raises(DeployError, match=r"SHA-256 of .*model.lw is .*remove that file and run"):
        run(device, bundle, there, rsync=False)


def test_a_path_is_of_the_home_folder_and_may_be_left_out():
    assert parse_destination("pi@host", "story") == Destination("pi@host", "story")
    assert parse_destination("pi@host:", "story") == Destination("pi@host", "story")
    assert parse_destination("host:~/a/b/", "story") == Destination("host", "a/b")
    assert parse_destination("host:/srv/a", "story") == Destination("host", "/srv/a")
    assert parse_destination("pi@[fe80::1]:a", "story") == Destination("pi@fe80::1", "a")
    for bad in ("", ":a", "-oProxyCommand=x", "host:/"):
        with pytest.raises(DeployError, match="is no destination"):
            parse_destination(bad, "story")


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        (
            {"architecture": "riscv64"},
            r"is \w+, but .* is for riscv64; compile it with --target \w",
        ),
        ({"cpu_flags": ["asimddp9"]}, r"processor lacks asimddp9, which .* needs; compile it with"),
        ({"page_bytes": 1024}, r"kernel has pages of .* takes at most 1.0 KiB"),
    ],
)
def test_a_device_that_cannot_run_it_is_refused(device, bundle, tmp_path, needs, message):
    change_manifest(bundle, lambda manifest: manifest["needs"].update(needs))
    there = tmp_path / "there"
    with pytest.raises(DeployError, match=message):
        run(device, bundle, there)
    assert not there.exists()
    assert run(device, bundle, there, force=True).self_test


def test_too_little_memory_is_refused(device, bundle, tmp_path):
    change_manifest(bundle, lambda m: m["memory"].update(weights_bytes=1 << 60))
    with pytest.raises(DeployError, match=r"of memory, but .* needs .* for a context of 1024"):
        run(device, bundle, tmp_path / "there")


def test_too_little_room_is_refused_even_by_force(device, bundle, tmp_path):
    change_manifest(bundle, lambda m: m["files"]["model.lw"].update(bytes=1 << 60))
    with pytest.raises(DeployError, match=r"are needed at .* are free; make room"):
        run(device, bundle, tmp_path / "there", force=True)


def test_a_bundle_without_a_program_is_refused(device, bare, tmp_path):
    with pytest.raises(DeployError, match=r"has no program `run`.*without --no-runner"):
        run(device, bare, tmp_path / "there")


def test_a_failing_self_test_is_an_error(device, bundle, tmp_path):
    def damage(manifest):
        manifest["files"]["model.lw"]["sha256"] = digest

    (bundle / "model.lw").write_bytes(b"nonsense")
    digest = hashlib.sha256(b"nonsense").hexdigest()
    change_manifest(bundle, damage)
    with pytest.raises(DeployError, match=r"--self-test exited with 1: run: model.lw is damaged"):
        run(device, bundle, tmp_path / "there")
    assert run(device, bundle, tmp_path / "there", self_test=False).self_test is None


def test_a_host_that_does_not_answer_is_named(device, bundle):
    with pytest.raises(DeployError, match=r"^nobody@127.0.0.1: ssh failed: .*; try `ssh nobody@"):
        deploy(
            DeployOptions(bundle, "nobody@127.0.0.1:x", f"{device.ssh} -o IdentityFile=/dev/null")
        )


def test_a_missing_ssh_program_is_named(bundle):
    with pytest.raises(DeployError, match=r"no-such-ssh: no such program"):
        deploy(DeployOptions(bundle, "host", "no-such-ssh -p 1"))


def test_the_service_is_written_for_systemd(device, bundle, tmp_path):
    config = tmp_path / "config"
    ssh = f"{device.ssh} -o SetEnv=XDG_CONFIG_HOME={config}"
    done = deploy(
        DeployOptions(bundle, f"{device.host}:{tmp_path}/my story", ssh, service="-p 'a b' -n 5")
    )
    assert done.unit == "lutwerk-my-story.service"
    text = unit("tinystories-bitnet", f"{tmp_path}/my story", "-p 'a b' -n 5")
    assert f'ExecStart="{tmp_path}/my story/run" "-p" "a b" "-n" "5"\n' in text
    assert (config / "systemd/user" / done.unit).read_text() == text


def test_units_escape_what_systemd_would_expand():
    assert unit_name("/srv/50% off/") == "lutwerk-50--off.service"
    text = unit("x", "/srv/a", r"""-p '100% "$HOME" \n'""")
    assert r'"100%% \"$$HOME\" \\n"' in text
    with pytest.raises(DeployError, match=r"--service .*No closing quotation"):
        unit("x", "/srv/a", "'")
