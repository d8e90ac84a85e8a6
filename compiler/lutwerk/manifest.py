"""The bundle folder: where its files are, and the manifest that describes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lutwerk.errors import BundleError
from lutwerk.model_file import FORMAT_VERSION

MODEL, MANIFEST, RUN = "model.lw", "manifest.json", "run"


@dataclass(frozen=True)
class Memory:
    """Bytes that a bundle needs on the device, as the manifest states them; tables are per thread."""

    weights_bytes: int
    kv_bytes_per_token: int
    kv_bytes_per_1k_tokens: int
    kv_bytes_max_context: int
    activation_bytes: int
    lookup_table_bytes: int
    scratch_bytes_per_thread: int


_KINDS = {dict: "an object", list: "a list", str: "a text", int: "an integer"}
_FILE = {"bytes": int, "sha256": str}
#: What a device must have; ``page_bytes`` is the greatest page size of its kernel, 0 for any.
_NEEDS = {"architecture": str, "isa": str, "cpu_flags": list, "page_bytes": int}
#: Fields that this package reads, and their kinds.
_SHAPE = {
    "name": str,
    "architecture": str,
    "target": str,
    "isa": str,
    "needs": _NEEDS,
    "model": dict.fromkeys(
        ("vocab", "hidden", "layers", "heads", "kv_heads", "head_dim", "max_context", "parameters"),
        int,
    ),
    "memory": dict.fromkeys(Memory.__dataclass_fields__, int),
    "quantization": {"linear": str, "head": str, "rules": list},
    "files": {MODEL: _FILE},
    "golden": {"logits_sha256": str},
}
#: Of a bundle whose layouts a tuning record chose; others have null, or no such key.
_TUNING = {"file": str, "sha256": str, "machine": str}


@dataclass(frozen=True)
class Folder:
    """A bundle folder with its parsed manifest."""

    path: Path
    manifest: dict[str, Any]

    @property
    def model(self) -> Path:
        """Path of model.lw."""
        return self.path / MODEL

    @property
    def name(self) -> str:
        """Name of the model."""
        return str(self.manifest["name"])

    @property
    def memory(self) -> Memory:
        """The memory statement."""
        stated = self.manifest["memory"]
        return Memory(**{key: int(stated[key]) for key in Memory.__dataclass_fields__})


def find_folder(path: str | Path) -> Path:
    """The bundle folder that a person means: the folder, or model.lw in it.

    Raises:
        BundleError: there is no bundle at ``path``; a checkpoint is told from nothing.
    """
    folder = Path(path)
    if folder.name == MODEL and folder.is_file():
        return folder.parent
    if not folder.exists():
        raise BundleError(
            f"{path}: no such file or folder; give a folder that `lutwerk compile` wrote"
        )
    if (folder / MODEL).is_file():
        return folder
    if (folder / "config.json").is_file():
        raise BundleError(
            f"{path}: a checkpoint, not a bundle; compile it first: `lutwerk compile {path} -o bundle`"
        )
    raise BundleError(
        f"{path}: not a bundle ({MODEL} is missing); give a folder that `lutwerk compile` wrote"
    )


def read_folder(path: str | Path) -> Folder:
    """Read the manifest of a bundle.

    Raises:
        BundleError: there is no bundle, or its manifest is missing, damaged or of another version.
    """
    folder = find_folder(path)
    file = folder / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(
            f"{file}: cannot be read: {error.strerror}; compile the checkpoint again"
        ) from error
    except ValueError as error:
        raise BundleError(
            f"{file}: not valid JSON ({error}); compile the checkpoint again"
        ) from error
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"{file}: format_version is {version!r}; this lutwerk reads {FORMAT_VERSION}; "
            "compile the checkpoint again"
        )
    tuning = manifest.get("tuning")
    for shape, value, where in (
        (_SHAPE, manifest, ""),
        *([] if tuning is None else [(_TUNING, tuning, "tuning")]),
        *((_FILE, stated, f"files.{name}") for name, stated in _entries(manifest.get("files"))),
    ):
        wrong = _misfit(shape, value, where)
        if wrong:
            raise BundleError(f"{file}: {wrong}; compile the checkpoint again")
    return Folder(folder, manifest)


def _entries(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _misfit(shape: Any, value: Any, where: str) -> str | None:
    """The first field whose value is not of the expected kind, or None."""
    kind = dict if isinstance(shape, dict) else shape
    if not isinstance(value, kind):
        return f"{where or 'the file'} is {value!r:.40}, expected {_KINDS[kind]}"
    for key, inner in _entries(shape):
        wrong = _misfit(inner, value.get(key), f"{where}.{key}".lstrip("."))
        if wrong:
            return wrong
    return None
