"""Commands on another machine through the ``ssh`` program, with one login for all of them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from lutwerk.errors import DeployError

#: What ssh exits with when it could not log in or lost the connection; commands may use it as well.
_SSH_FAILED = 255


@dataclass(frozen=True)
class Destination:
    """Where to copy to: a host as ssh takes it, and a folder there, relative to the home folder unless absolute."""

    host: str
    path: str


def parse_destination(text: str, default_path: str) -> Destination:
    """Read ``[user@]host[:path]``. Raises DeployError when it names no host."""
    # A colon inside the brackets of an IPv6 address does not end the host.
    begin = text.rfind("]") + 1
    host, colon, path = text[begin:].partition(":")
    host = text[:begin] + host
    path = path.removeprefix("~/").rstrip("/") or ("/" if path.startswith("/") else "")
    if not host or host.startswith("-") or path == "/":
        raise DeployError(
            f"{text!r} is no destination; give user@host or user@host:folder, as for scp"
        )
    return Destination(
        host.replace("[", "").replace("]", ""), path if colon and path else default_path
    )


class Remote:
    """A host that is logged in to once, when the first command runs. Use it in a ``with`` statement.

    Args:
        host: as ssh takes it.
        ssh: the ssh program and its options, as one would type them.
    """

    def __init__(self, host: str, ssh: str):
        words = shlex.split(ssh)
        if not words or shutil.which(words[0]) is None:
            raise DeployError(
                f"{words[0] if words else repr(ssh)}: no such program; install an ssh client, or name one "
                "with --ssh"
            )
        self.host = host
        self._folder = Path(tempfile.mkdtemp(prefix="lw-ssh-"))
        control = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60"]
        # A socket's path may have about 100 bytes: short, and no %C.
        self.ssh = [*words, *control, "-o", f"ControlPath={self._folder / 's'}"]

    def command(self, script: str) -> list[str]:
        """The local command that runs a shell script there."""
        return [*self.ssh, self.host, script]

    def output(self, script: str) -> str:
        """Standard output of a shell script there. Raises DeployError when it fails."""
        done = subprocess.run(
            self.command(script), capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            raise DeployError(self.failure(done.returncode, done.stderr))
        return done.stdout

    def send(self, script: str, pieces: Iterable[bytes]) -> None:
        """Run a shell script there with ``pieces`` as its standard input. Raises DeployError when it fails."""
        with subprocess.Popen(
            self.command(script), stdin=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            # The exit code says why the other side stopped reading.
            with suppress(BrokenPipeError):
                for piece in pieces:
                    process.stdin.write(piece)
                process.stdin.close()
            said = process.stderr.read().decode(errors="replace")
        if process.returncode:
            raise DeployError(self.failure(process.returncode, said))

    def failure(self, code: int, said: str) -> str:
        """A sentence about a command that failed."""
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "no message")
        if code == _SSH_FAILED:
            return (
                f"{self.host}: ssh failed: {last}; try `{shlex.join([*self.ssh[:1], self.host])}`, and "
                "run the same command again to go on where it stopped"
            )
        return f"{self.host}: a command exited with {code}: {last}"

    def __enter__(self) -> Remote:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        subprocess.run(
            [*self.ssh, "-O", "exit", self.host], capture_output=True, check=False, timeout=30
        )
        shutil.rmtree(self._folder, ignore_errors=True)
