"""Weights stored as IEEE numbers: float16, rounded to nearest even, or float32."""

from __future__ import annotations

import numpy as np

from lutwerk.errors import CompileError
from lutwerk.graph import F32, Ternary
from lutwerk.quantize.base import Quantized, float_blocks, shape_of


class Float16Quantizer:
    """Float16, rounded to nearest even."""

    name = "f16"
    format = "f16"

    def quantize(self, weights: F32 | Ternary, where: str) -> Quantized:
        """See :class:`lutwerk.quantize.base.Quantizer`."""
        numbers = np.empty(shape_of(weights), dtype=np.float16)
        for span, block in float_blocks(weights):
            with np.errstate(over="ignore"):
                numbers[span] = block
            overflow = np.isinf(numbers[span])
            if overflow.any():
                row, col = np.argwhere(overflow)[0]
                raise CompileError(
                    f"{where}: the weight {block[row, col]:g} at row {span.start + row}, column "
                    f"{col} exceeds 65504, the largest float16; use quantiser 'f32' for this "
                    "tensor."
                )
        return Quantized(numbers, None)


class Float32Quantizer:
    """Float32, unchanged."""

    name = "f32"
    format = "f32"

    def quantize(self, weights: F32 | Ternary, where: str) -> Quantized:
        """See :class:`lutwerk.quantize.base.Quantizer`."""
        numbers = np.empty(shape_of(weights), dtype=np.float32)
        for span, block in float_blocks(weights):
            numbers[span] = block
        return Quantized(numbers, None)
