"""Ternary weights that the checkpoint already holds: stored as they are, nothing is rounded."""

from __future__ import annotations

import numpy as np

from lutwerk.errors import CompileError
from lutwerk.graph import F32, Ternary
from lutwerk.quantize.base import Quantized


def ternary_codes(weights: Ternary) -> Quantized:
    """Codes ``value + 1`` and the tensor's scale for every row."""
    codes = (weights.values + np.int8(1)).view(np.uint8)
    scales = np.full((codes.shape[0], 1), weights.scale, dtype=np.float32)
    return Quantized(codes, scales)


class TernaryQuantizer:
    """Accepts only weights that are ternary in the checkpoint."""

    name = "ternary"
    format = "ternary"

    def quantize(self, weights: F32 | Ternary, where: str) -> Quantized:
        """See :class:`lutwerk.quantize.base.Quantizer`."""
        if not isinstance(weights, Ternary):
            raise CompileError(
                f"{where}: the weights are floating point, but quantiser 'ternary' accepts only "
                "weights that are ternary in the checkpoint; use 'absmean' to round them to "
                "ternary, or a format such as 'i4g32'."
            )
        return ternary_codes(weights)
