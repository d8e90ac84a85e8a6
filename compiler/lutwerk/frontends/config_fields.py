"""Checked access to the fields of a JSON object such as config.json."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from lutwerk.errors import CheckpointError


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises CheckpointError if the file does not exist or holds no object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: no such file; a Hugging Face checkpoint directory must hold {path.name}."
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: not valid JSON ({error}); download the file again."
        ) from None
    if not isinstance(value, dict):
        raise CheckpointError(
            f"{path}: holds a JSON {type(value).__name__}, but must hold an object; download it "
            "again."
        )
    return value


class Fields:
    """Fields of a JSON object, read with their type and range. A null field counts as missing.

    ``where`` is what a message calls the object: a path, and the field that holds the object if it
    is nested. A default makes a field optional.
    """

    def __init__(self, where: str, values: dict[str, Any]):
        self.where = where
        self._values = values

    def has(self, name: str) -> bool:
        """Whether the field is present and not null."""
        return self._values.get(name) is not None

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """An integer in ``[low, high]``."""
        value = self._get(name, default, accepted := f"an integer from {low} to {high}")
        if type(value) is not int or not low <= value <= high:
            raise self.refuse(name, accepted)
        return value

    def positive(self, name: str, default: float | None = None) -> float:
        """A finite number above 0."""
        value = self._get(name, default, accepted := "a finite number above 0")
        if type(value) not in (int, float) or not value > 0 or not math.isfinite(value):
            raise self.refuse(name, accepted)
        return float(value)

    def boolean(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._get(name, default, "true or false")
        if not isinstance(value, bool):
            raise self.refuse(name, "true or false")
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of some strings."""
        value = self._get(name, default, accepted := "one of " + ", ".join(choices))
        if value not in choices:
            raise self.refuse(name, accepted)
        return str(value)

    def nested(self, name: str) -> Fields:
        """An object; an empty one if the field is missing."""
        value = self._get(name, {}, "an object")
        if not isinstance(value, dict):
            raise self.refuse(name, "an object")
        return Fields(f"{self.where}: field '{name}'", value)

    def raw(self, name: str) -> Any:
        """The value as parsed, None if missing."""
        return self._values.get(name)

    def refuse(self, name: str, accepted: str) -> CheckpointError:
        """The error for a field whose value is not ``accepted``."""
        found = json.dumps(self._values.get(name))
        shown = found if len(found) <= 80 else found[:77] + "..."
        return CheckpointError(
            f"{self.where}: field '{name}' is {shown}, but must be {accepted}; "
            "correct it, or use another checkpoint."
        )

    def _get(self, name: str, default: Any, accepted: str) -> Any:
        value = self._values.get(name)
        if value is not None:
            return value
        if default is None:
            raise CheckpointError(
                f"{self.where}: field '{name}' is missing; it must be {accepted}; "
                "add it, or download the file again."
            )
        return default
