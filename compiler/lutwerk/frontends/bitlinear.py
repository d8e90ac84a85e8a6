"""Linear layers of BitNet checkpoints: `quantization_config` and the tensors it describes.

As in `transformers` (integrations/bitnet.py). A packed tensor is uint8 ``[rows / 4, cols]``; with
``R = rows / 4``, byte ``[r, c]`` holds the codes (value + 1, two bits each) of rows ``r``, ``r +
R``, ``r + 2R`` and ``r + 3R``, lowest bits first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lutwerk.errors import CheckpointError
from lutwerk.frontends.config_fields import Fields
from lutwerk.frontends.safetensors_reader import FLOAT_DTYPES, SafetensorsReader, TensorInfo
from lutwerk.graph import Source, Ternary
from lutwerk.quantize.absmean import absmean_ternary

_LINEAR_CLASSES = ("bitlinear", "autobitlinear")


@dataclass(frozen=True)
class BitLinear:
    """How the linear layers of a checkpoint are stored.

    ``packed``: ternary codes and a scale; otherwise float masters, which the model rounds to
    ternary whenever it runs. ``reciprocal``: the stored scale is 1 / scale.
    """

    packed: bool
    reciprocal: bool

    def source(self, reader: SafetensorsReader, name: str, rows: int, cols: int) -> Source:
        """The ternary matrix ``name``. Raises CheckpointError if its tensors do not fit."""
        if not self.packed:
            masters = reader.claim(name, (rows, cols), tuple(FLOAT_DTYPES))
            return Source(
                name, rows, cols, lambda: absmean_ternary(reader.read_float(masters)), ternary=True
            )
        if rows % 4:
            raise CheckpointError(
                f"{reader.directory}: tensor '{name}' has {rows} rows, but packed ternary weights "
                "need a multiple of 4; check that config.json belongs to these weights."
            )
        codes = reader.claim(name, (rows // 4, cols), ("U8",))
        scale = reader.claim(f"{name}_scale", (1,), tuple(FLOAT_DTYPES))

        def load() -> Ternary:
            values = unpack_ternary(reader.read_bytes(codes), f"{codes.path}: tensor '{name}'")
            return Ternary(values, self._read_scale(reader, scale))

        return Source(name, rows, cols, load, ternary=True)

    def _read_scale(self, reader: SafetensorsReader, info: TensorInfo) -> np.float32:
        stored = np.float32(reader.read_float(info)[0])
        with np.errstate(divide="ignore", over="ignore"):
            scale = np.float32(1) / stored if self.reciprocal else stored
        if not 0 < scale < np.inf:
            raise CheckpointError(
                f"{info.path}: tensor '{info.name}' is {stored}, but a weight scale must be a "
                "number above 0 that float32 can invert; the checkpoint is damaged, download it "
                "again."
            )
        return scale


def unpack_ternary(packed: NDArray[np.uint8], where: str) -> NDArray[np.int8]:
    """Unpack uint8 ``[rows / 4, cols]`` to int8 ``[rows, cols]`` in {-1, 0, 1}.

    Raises CheckpointError, beginning with ``where``, for the unused code 3.
    """
    quarter = len(packed)
    values = np.empty((4 * quarter, packed.shape[1]), dtype=np.int8)
    for i in range(4):
        part = values[i * quarter : (i + 1) * quarter]
        np.bitwise_and(packed >> np.uint8(2 * i), np.uint8(3), out=part.view(np.uint8))
        part -= 1
        if part.max(initial=-1) == 2:
            row, col = np.argwhere(part == 2)[0]
            raise CheckpointError(
                f"{where}, row {i * quarter + row}, column {col}: the ternary code is 3, but only "
                "0, 1 and 2 are valid; the checkpoint is damaged, download it again."
            )
    return values


def read_bitlinear(config: Fields) -> BitLinear | None:
    """Read ``quantization_config``, None if absent. Raises CheckpointError for other methods."""
    if not config.has("quantization_config"):
        return None
    fields = config.nested("quantization_config")
    method = fields.raw("quant_method")
    if method != "bitnet":
        raise CheckpointError(
            f"{fields.where}: quant_method '{method}' is not supported yet, only 'bitnet' is; "
            "use the original checkpoint without quantisation."
        )
    linear_class = fields.choice("linear_class", _LINEAR_CLASSES, "bitlinear")
    mode = fields.choice("quantization_mode", ("offline", "online"), "offline")
    if mode == "online" and linear_class == "bitlinear":
        raise fields.refuse("quantization_mode", "offline for linear_class 'bitlinear'")
    if fields.boolean("use_rms_norm", default=False):
        raise CheckpointError(
            f"{fields.where}: 'use_rms_norm' is true, but norms inside linear layers are not "
            "supported yet; use a checkpoint without them."
        )
    kept = fields.raw("modules_to_not_convert")
    if kept not in (None, [], ["lm_head"]):
        raise fields.refuse("modules_to_not_convert", 'null or ["lm_head"]')
    return BitLinear(packed=mode == "offline", reciprocal=linear_class == "bitlinear")
