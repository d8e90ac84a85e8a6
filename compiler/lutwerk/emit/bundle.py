"""The bundle folder: ``model.lw``, ``run`` and ``manifest.json``, complete or not there at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lutwerk.emit.manifest import build_manifest
from lutwerk.emit.model import model_bytes, write_model
from lutwerk.emit.records import Records
from lutwerk.errors import CompileError
from lutwerk.graph import Graph
from lutwerk.manifest import MANIFEST, MODEL, RUN
from lutwerk.progress import Progress
from lutwerk.runner import Runner

#: Room for manifest.json when free space is checked.
_MANIFEST_BYTES = 1 << 20


def check_output(output: Path, force: bool) -> None:
    """Refuse an output that would overwrite something, before any work is done."""
    if not output.parent.is_dir():
        raise CompileError(
            f"{output.parent}: no such folder; create it first, or choose another -o"
        )
    if not output.exists() and not output.is_symlink():
        return
    if not output.is_dir() or (any(output.iterdir()) and not (output / MODEL).exists()):
        raise CompileError(f"{output}: exists and is not a bundle; choose another -o")
    if (output / MODEL).exists() and not force:
        raise CompileError(f"{output}: a bundle is already there; add --force to replace it")


def write_bundle(
    graph: Graph,
    records: Records,
    output: Path,
    golden: int,
    facts: dict[str, Any],
    runner: Runner | None,
    force: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Write the bundle next to its final place and move it there when it is whole. Returns the manifest.

    Raises CompileError when there is no room or no permission, or when something that must not be
    replaced has come to its place meanwhile; then nothing is left behind.
    """
    program = runner.program if runner else b""
    needed = model_bytes(records, golden) + len(program) + _MANIFEST_BYTES
    free = shutil.disk_usage(output.parent).free
    if free < needed:
        raise CompileError(
            f"{output.parent}: the bundle needs {needed / 1e6:.1f} MB and {free / 1e6:.1f} MB are "
            "free; make room, or choose another -o"
        )

    def fill(folder: Path) -> dict[str, Any]:
        model = folder / MODEL
        outputs = write_model(model, records, graph.config.vocab, golden, progress)
        with model.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files = {MODEL: {"bytes": model.stat().st_size, "sha256": digest}}
        if program:
            (folder / RUN).write_bytes(program)
            (folder / RUN).chmod(0o755)
            digest = hashlib.sha256(program).hexdigest()
            files[RUN] = {"bytes": len(program), "sha256": digest}
        manifest = build_manifest(graph, records, outputs, files, facts)
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        return manifest

    try:
        return _atomically(output, force, fill)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CompileError(
            f"{output}: cannot be written: {reason}; nothing was left behind"
        ) from error


def _atomically(
    output: Path, force: bool, fill: Callable[[Path], dict[str, Any]]
) -> dict[str, Any]:
    """Fill a temporary folder and rename it to ``output``; remove it when anything fails."""
    temporary = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        result = fill(temporary)
        temporary.chmod(0o755)
        check_output(output, force)
        if output.exists():
            _replace(output, temporary)
        else:
            temporary.rename(output)
        return result
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _replace(output: Path, new: Path) -> None:
    """Put ``new`` in the place of ``output``, which stays when that fails."""
    folder = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    old = folder / "old"
    output.rename(old)
    try:
        new.rename(output)
    except BaseException:
        if output.exists():  # someone else was first, and theirs stays
            shutil.rmtree(old)
        else:
            old.rename(output)
        folder.rmdir()
        raise
    shutil.rmtree(folder)
