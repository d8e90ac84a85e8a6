"""The steps of ``lutwerk deploy``: ask, check, copy, verify, prove."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lutwerk.deploy import device, service, transfer
from lutwerk.deploy.remote import Remote, parse_destination
from lutwerk.errors import DeployError
from lutwerk.manifest import RUN, read_folder
from lutwerk.progress import NoProgress, Progress


@dataclass(frozen=True)
class DeployOptions:
    """What to copy and how.

    Attributes:
        bundle: The bundle folder.
        destination: ``[user@]host[:path]``; without a path, the folder's name in the home folder.
        ssh: The ssh program and its options.
        service: Arguments of ``run`` for a systemd user service to write; None: none.
        force: Copy to a device that looks as if it could not run the bundle.
        self_test: Prove on the device that it computes the right bits.
        rsync: Use rsync where both sides have it.
    """

    bundle: Path
    destination: str
    ssh: str = "ssh"
    service: str | None = None
    force: bool = False
    self_test: bool = True
    rsync: bool = True


@dataclass(frozen=True)
class Deployed:
    """What was done: the host, the folder there, what the self-test printed, and the unit that was written."""

    host: str
    path: str
    self_test: str | None
    unit: str | None


def deploy(options: DeployOptions, progress: Progress | None = None) -> Deployed:
    """Copy a bundle to a device and prove it there.

    Raises BundleError for a folder that is no bundle and DeployError for everything that goes wrong
    on the way; what has arrived stays, and the same call goes on from there.
    """
    folder = read_folder(options.bundle)
    files = folder.manifest["files"]
    if RUN not in files:
        raise DeployError(
            f"{folder.path}: has no program `{RUN}`, so a device cannot run it; compile it without "
            "--no-runner"
        )
    where = parse_destination(options.destination, folder.path.resolve().name)
    with Remote(where.host, options.ssh) as remote:
        found = device.ask(remote, where.path, list(files))
        if not options.force:
            device.check(folder, found, where.host)
        device.check_room(folder, found, where.host, where.path)
        if options.rsync and found.rsync and transfer.has_rsync():
            transfer.by_rsync(remote, folder, where.path)
        else:
            transfer.by_ssh(remote, folder, where.path, found.sizes, progress or NoProgress())
        transfer.verify(remote, folder, where.path)
        proof = _self_test(remote, where.path) if options.self_test else None
        unit = None
        if options.service is not None:
            unit = _write_unit(remote, where.path, folder.name, options.service)
    return Deployed(where.host, where.path, proof, unit)


def _self_test(remote: Remote, path: str) -> str:
    """What ``run --self-test`` prints there. Raises DeployError when it fails."""
    program = shlex.quote(path if path.startswith("/") else f"./{path}") + f"/{RUN}"
    done = subprocess.run(
        remote.command(f"{program} --self-test"),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()) or "no message"
        raise DeployError(
            f"{remote.host}: {path}/{RUN} --self-test exited with {done.returncode}: {said}"
        )
    return done.stdout.strip()


def _write_unit(remote: Remote, path: str, name: str, arguments: str) -> str:
    """Write the unit into the user's folder for them; return its name."""
    unit = service.unit_name(path)
    absolute = remote.output(f"cd {shlex.quote(path)} && pwd").rstrip("\n")
    # As systemd.unit(5) has it.
    base = '"${XDG_CONFIG_HOME:-$HOME/.config}"/systemd/user'
    text = service.unit(name, absolute, arguments)
    remote.send(f"mkdir -p {base} && cat > {base}/{shlex.quote(unit)}", [text.encode()])
    return unit
