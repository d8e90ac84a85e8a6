"""Tensors of a checkpoint directory, one at a time.

The safetensors library validates each file when the directory is opened and tells names, dtypes and
shapes. The bytes of a tensor are mapped here, because NumPy has no bfloat16 and because nothing but
the tensor asked for may be in memory. File format:
https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from lutwerk.errors import CheckpointError
from lutwerk.frontends.config_fields import read_json_object
from lutwerk.graph import F32

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

#: The dtypes that are numbers, and how NumPy maps them.
FLOAT_DTYPES = {"BF16": "<u2", "F16": "<f2", "F32": "<f4"}


@dataclass(frozen=True)
class TensorInfo:
    """Where a tensor lies: ``offset`` is in bytes from the start of the file."""

    name: str
    path: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int


class SafetensorsReader:
    """Reads tensors by name; remembers which ones were asked for."""

    def __init__(self, directory: Path):
        """Validate all files. Raises CheckpointError if one is missing or damaged."""
        self.directory = directory
        self._tensors: dict[str, TensorInfo] = {}
        self._claimed: set[str] = set()
        for path in _shards(directory):
            for info in _read_header(path):
                if info.name in self._tensors:
                    raise CheckpointError(
                        f"{path}: tensor '{info.name}' is also in "
                        f"{self._tensors[info.name].path.name}, but each tensor must be in one "
                        "file; remove the file that does not belong to the model."
                    )
                self._tensors[info.name] = info

    def claim(self, name: str, shape: tuple[int, ...], dtypes: Sequence[str]) -> TensorInfo:
        """Look a tensor up and check its shape and dtype, without reading it."""
        info = self._tensors.get(name)
        if info is None:
            near = get_close_matches(name, self._tensors, n=3)
            hint = f"the nearest names are {', '.join(near)}" if near else "no name is near"
            raise CheckpointError(
                f"{self.directory}: tensor '{name}' is missing ({hint}); check that config.json "
                "belongs to these weights and that all files were downloaded."
            )
        if info.dtype not in dtypes:
            raise CheckpointError(
                f"{info.path}: tensor '{name}' has dtype {info.dtype}, but must have "
                f"{' or '.join(dtypes)}; check 'quantization_config' in config.json, or convert "
                "the checkpoint."
            )
        if info.shape != shape:
            raise CheckpointError(
                f"{info.path}: tensor '{name}' has shape {list(info.shape)}, but config.json asks "
                f"for {list(shape)}; check that config.json belongs to these weights."
            )
        self._claimed.add(name)
        return info

    def unclaimed(self) -> list[str]:
        """Names, sorted, that :meth:`claim` was not called with."""
        return sorted(self._tensors.keys() - self._claimed)

    def read_float(self, info: TensorInfo) -> F32:
        """Read a tensor as float32. Raises CheckpointError if a number is not finite."""
        mapped = _map(info, FLOAT_DTYPES[info.dtype])
        if info.dtype == "BF16":
            widened = mapped.astype(np.uint32)
            widened <<= np.uint32(16)
            numbers = widened.view(np.float32)
        else:
            numbers = mapped.astype(np.float32)
        # The extremes tell without a temporary array: they are NaN if any number is.
        if not (np.isfinite(numbers.min()) and np.isfinite(numbers.max())):
            place = [int(i) for i in np.argwhere(~np.isfinite(numbers))[0]]
            raise CheckpointError(
                f"{info.path}: tensor '{info.name}' holds {numbers[tuple(place)]} at {place}, but "
                "all weights must be finite; the checkpoint is damaged or its training diverged, "
                "download it again."
            )
        return numbers

    def read_bytes(self, info: TensorInfo) -> NDArray[np.uint8]:
        """Read a U8 tensor."""
        return np.array(_map(info, "|u1"))


def _shards(directory: Path) -> list[Path]:
    """The files of the model, chosen as `transformers` does, or all if none has its names."""
    if (directory / SINGLE).is_file():
        return [directory / SINGLE]
    index = directory / INDEX
    if index.is_file():
        return _indexed_shards(index)
    found = sorted(directory.glob("*.safetensors"))
    if not found:
        raise CheckpointError(
            f"{directory}: holds no *.safetensors file; download the weights, or convert them to "
            "safetensors."
        )
    return found


def _indexed_shards(index: Path) -> list[Path]:
    weight_map = read_json_object(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(
            f"{index}: field 'weight_map' must be an object from tensor to file; download the file "
            "again."
        )
    paths = []
    for name in sorted({str(file) for file in weight_map.values()}):
        path = index.parent / name
        # A name with a folder in it would let the index point outside the checkpoint.
        if Path(name).name != name or not path.is_file():
            raise CheckpointError(
                f"{index}: names the file '{name}', which is not in the directory; download it as "
                "well."
            )
        paths.append(path)
    return paths


def _read_header(path: Path) -> list[TensorInfo]:
    try:
        with safe_open(path, framework="numpy") as tensors, path.open("rb") as file:
            header_bytes = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(header_bytes))
            infos = []
            for name in tensors.keys():  # noqa: SIM118 (safe_open is not iterable)
                view = tensors.get_slice(name)
                begin = 8 + header_bytes + header[name]["data_offsets"][0]
                infos.append(
                    TensorInfo(name, path, view.get_dtype(), tuple(view.get_shape()), begin)
                )
            return infos
    except SafetensorError as error:
        raise CheckpointError(
            f"{path}: not a valid safetensors file ({error}); download it again."
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error}.") from None


def _map(info: TensorInfo, dtype: str) -> NDArray[np.generic]:
    try:
        return np.memmap(info.path, dtype=dtype, mode="r", offset=info.offset, shape=info.shape)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{info.path}: tensor '{info.name}' cannot be read ({error}); "
            "the file changed after it was opened, compile again."
        ) from None
