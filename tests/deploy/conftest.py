"""A device for the tests: an ssh server of this machine on a free port, with keys made for the purpose."""

import getpass
import hashlib
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

import lutwerk
from devices import change_manifest
from lutwerk.demo import CHECKPOINT

#: What stands for the program `run` here: it tests the file beside it, as far as a shell can.
PROGRAM = """#!/bin/sh
test "$1" = --self-test || exit 2
head -c 7 "$(dirname "$0")/model.lw" | grep -q lutwerk || { echo 'run: model.lw is damaged' >&2; exit 1; }
echo 'self-test ok'
"""


@dataclass(frozen=True)
class Device:
    """The server: what to pass as --ssh, and as the destination's host."""

    ssh: str
    host: str


@pytest.fixture(scope="session")
def device(tmp_path_factory):
    server = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
    if server is None or shutil.which("ssh-keygen") is None:
        pytest.skip("no sshd on this machine; .ci/run installs it")
    folder = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(make, check=True)
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "config").write_text(
        f"""Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile {folder}/pid
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
AcceptEnv XDG_CONFIG_HOME
"""
    )
    if os.getuid() == 0:
        # Where it runs as root, it wants this folder to be there.
        Path("/run/sshd").mkdir(exist_ok=True)
    log = (folder / "log").open("w")
    process = subprocess.Popen([server, "-D", "-e", "-f", str(folder / "config")], stderr=log)
    options = f"-p {port} -i {folder}/user -o BatchMode=yes -o StrictHostKeyChecking=no"
    ssh = f"ssh -F none {options} -o UserKnownHostsFile={folder}/known"
    host = f"{getpass.getuser()}@127.0.0.1"
    try:
        for _ in range(100):
            if subprocess.run([*ssh.split(), host, "true"], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"sshd does not answer: {(folder / 'log').read_text()}")
        yield Device(ssh, host)
    finally:
        process.terminate()
        process.wait()
        log.close()


@pytest.fixture(scope="session")
def bare(tmp_path_factory) -> Path:
    """A compiled bundle without a program."""
    output = tmp_path_factory.mktemp("bare") / "story"
    lutwerk.compile(CHECKPOINT, output, runner=None, context=64)
    return output


@pytest.fixture
def bundle(bare, tmp_path) -> Path:
    """The same with a program that this machine can run."""
    folder = tmp_path / "here" / "story"
    shutil.copytree(bare, folder)
    (folder / "run").write_text(PROGRAM)
    (folder / "run").chmod(0o755)
    digest = hashlib.sha256(PROGRAM.encode()).hexdigest()

    def add_program(manifest):
        manifest["files"]["run"] = {"bytes": len(PROGRAM), "sha256": digest}

    change_manifest(folder, add_program)
    return folder
