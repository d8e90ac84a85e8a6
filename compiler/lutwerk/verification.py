"""Verification: are the files what the compiler wrote, and does this machine compute the right bits?

Three checks, each run even when another one fails where that makes sense: hashes of all files
against the manifest, validation by the C library with the checksum of the weights, and the golden
self-test: the logits of stored token ids, computed here, must have the stored SHA-256 (section GOLD
of runtime/FORMAT.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lutwerk.errors import BundleError
from lutwerk.manifest import Folder, read_folder
from lutwerk.model_file import read_golden, read_sections
from lutwerk.native import Model, Session, default_threads


@dataclass(frozen=True)
class Check:
    """One check and, when it failed, why."""

    name: str
    ok: bool
    error: str | None = None
    status: str | None = None


@dataclass(frozen=True)
class Verification:
    """Result of a verification. ``logits_sha256`` is the hash of the golden logits as this machine computed them."""

    checks: tuple[Check, ...]
    logits_sha256: str | None
    isa: str | None

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)


def verify_folder(path: str | Path, *, threads: int | None = None) -> Verification:
    """Verify the bundle at ``path``, with one thread for each processor by default.

    Raises:
        BundleError: there is no bundle, or its manifest cannot be read; faults found later are in
            the result.
    """
    folder = read_folder(path)
    checks = [
        _attempt("files", lambda: _compare_files(folder)),
        _attempt("model", lambda: Model(folder.model, check_weights=True).close()),
    ]
    found: list[str] = []
    # A file that is not valid must not be executed.
    if checks[-1].ok:
        checks.append(
            _attempt(
                "self-test",
                lambda: _self_test(
                    folder, default_threads() if threads is None else threads, found
                ),
            )
        )
    logits_sha256, isa = found or (None, None)
    return Verification(tuple(checks), logits_sha256, isa)


def _attempt(name: str, check: Callable[[], None]) -> Check:
    try:
        check()
    except BundleError as error:
        return Check(name, False, str(error), error.status)
    return Check(name, True)


def _compare_files(folder: Folder) -> None:
    for name, stated in folder.manifest["files"].items():
        if Path(name).name != name:
            raise BundleError(
                f"{folder.path}: the manifest names {name!r}, which is not a file of the bundle; "
                "compile the checkpoint again"
            )
        path = folder.path / name
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise BundleError(
                f"{path}: cannot be read: {error.strerror}; copy the bundle again"
            ) from error
        if found != stated["sha256"]:
            raise BundleError(
                f"{path}: SHA-256 is {found}, the manifest says {stated['sha256']}; copy the bundle again"
            )


def _self_test(folder: Folder, threads: int, found: list[str]) -> None:
    """Run the golden tokens; leave the hash of the logits and the instruction set in ``found``."""
    tokens, expected = read_golden(read_sections(folder.model))
    model = Model(folder.model)
    try:
        session = Session(model, context=len(tokens), threads=threads)
        logits = session.eval(tokens, rows=len(tokens))
        found += [hashlib.sha256(logits.astype("<f4").tobytes()).hexdigest(), session.isa]
    finally:
        model.close()
    if found[0] != expected:
        raise BundleError(
            f"{folder.model}: the self-test gave logits {found[0]} with {found[1]}, expected {expected}; "
            "this machine computes wrong results: report it with the output of `lutwerk inspect --json`"
        )
    if folder.manifest["golden"]["logits_sha256"] != expected:
        raise BundleError(
            f"{folder.path}: manifest.json and model.lw state different golden logits; copy the bundle again"
        )
