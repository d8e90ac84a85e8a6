"""A systemd user service that runs the program of a deployed bundle."""

from __future__ import annotations

import re
import shlex

from lutwerk.errors import DeployError


def unit_name(path: str) -> str:
    """Name of the unit for the bundle in folder ``path``."""
    last = path.rstrip("/").rpartition("/")[2]
    return f"lutwerk-{re.sub('[^A-Za-z0-9_.-]', '-', last)}.service"


def unit(name: str, path: str, arguments: str) -> str:
    """Text of a unit that runs ``run ARGUMENTS``; ``path`` is absolute.

    The program gets nothing but to read the system and to write what systemd gives it. Raises
    DeployError when the arguments cannot be split as a shell does.
    """
    try:
        words = [f"{path}/run", *shlex.split(arguments)]
    except ValueError as error:
        raise DeployError(
            f"--service {arguments!r}: {error}; give arguments of run as in a shell"
        ) from error
    return f"""[Unit]
Description=lutwerk: {name.replace("%", "%%")}

[Service]
WorkingDirectory={path.replace("%", "%%")}
ExecStart={" ".join(map(_quoted, words))}
Restart=on-failure
RestartSec=5
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes

[Install]
WantedBy=default.target
"""


def _quoted(word: str) -> str:
    """A word of a command line in a unit (systemd.service(5), "COMMAND LINES")."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
