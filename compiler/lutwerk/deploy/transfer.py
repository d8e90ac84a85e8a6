"""Copies files so that an interruption costs nothing, and a reader never sees half of one."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lutwerk.deploy.remote import Remote
from lutwerk.errors import DeployError
from lutwerk.manifest import MANIFEST, Folder
from lutwerk.progress import Progress

#: Folder, inside the bundle's, of files that have not arrived completely.
PARTIAL = ".partial"
_PIECE_BYTES = 1 << 18


def by_rsync(remote: Remote, folder: Folder, path: str) -> None:
    """Copy with rsync, which sends only what differs. Raises DeployError when it fails."""
    names = [*folder.manifest["files"], MANIFEST]
    bar = ["--info=progress2"] if sys.stderr.isatty() else []
    remote.output(f"mkdir -p {shlex.quote(path)}")
    done = subprocess.run(
        [
            *("rsync", "--times", "--perms", "--checksum", "--protect-args"),
            *(f"--partial-dir={PARTIAL}", *bar, "-e", shlex.join(remote.ssh)),
            *(str(folder.path / name) for name in names),
            f"{_bracketed(remote.host)}:{path}/",
        ],
        stdout=sys.stderr if bar else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = next(iter(done.stderr.strip().splitlines()), "no message")
        raise DeployError(
            f"{remote.host}: rsync exited with {done.returncode}: {last}; run the same command again to "
            "go on where it stopped"
        )


def has_rsync() -> bool:
    """Whether this machine has rsync."""
    return shutil.which("rsync") is not None


def by_ssh(
    remote: Remote, folder: Folder, path: str, sizes: dict[str, int], progress: Progress
) -> None:
    """Copy through ssh alone, which every device has; go on with files that arrived in part.

    ``sizes`` are those of the files that are there already; equal ones are compared by content.
    """
    partial = f"{path}/{PARTIAL}"
    remote.output(f"mkdir -p {shlex.quote(partial)}")
    for name, stated in folder.manifest["files"].items():
        if sizes.get(name) == stated["bytes"] and _hashes(remote, path, [name]) == [
            stated["sha256"]
        ]:
            continue
        # Named after the content: what another bundle left is never gone on with.
        part = shlex.quote(f"{partial}/{name}.{stated['sha256'][:16]}")
        begin = int(remote.output(f"wc -c 2>/dev/null < {part} || echo 0"))
        progress.start(f"copy {name}", stated["bytes"])
        progress.advance(begin)
        remote.send(f"cat >> {part}", _pieces(folder.path / name, begin, progress))
        progress.finish()
        mode = (folder.path / name).stat().st_mode & 0o777
        remote.output(f"chmod {mode:o} {part} && mv {part} {shlex.quote(f'{path}/{name}')}")
    text = (folder.path / MANIFEST).read_bytes()
    remote.send(f"cat > {shlex.quote(f'{path}/{MANIFEST}')}", [text])
    remote.output(f"rm -rf {shlex.quote(partial)}")


def verify(remote: Remote, folder: Folder, path: str) -> None:
    """Compare the hashes of the copies with the manifest. Raises DeployError when one differs."""
    files = folder.manifest["files"]
    found = _hashes(remote, path, list(files))
    for (name, stated), digest in zip(files.items(), found, strict=True):
        if digest != stated["sha256"]:
            raise DeployError(
                f"{remote.host}: SHA-256 of {path}/{name} is {digest or 'unknown'}, the manifest says "
                f"{stated['sha256']}; remove that file and run the same command again"
            )


def _hashes(remote: Remote, path: str, names: list[str]) -> list[str]:
    """SHA-256 of files there, in hexadecimal."""
    quoted = " ".join(shlex.quote(f"{path}/{name}") for name in names)
    output = remote.output(f'for f in {quoted}; do sha256sum < "$f"; done')
    return [line.split()[0] for line in output.splitlines()]


def _pieces(path: Path, begin: int, progress: Progress) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(begin)
        while piece := file.read(_PIECE_BYTES):
            yield piece
            progress.advance(len(piece))


def _bracketed(host: str) -> str:
    """A host as rsync takes it: IPv6 addresses in brackets."""
    user, at, address = host.rpartition("@")
    return f"{user}{at}[{address}]" if ":" in address else host
