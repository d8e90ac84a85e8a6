"""Round weights to ternary by their mean magnitude, one scale for the tensor.

"The Era of 1-bit LLMs: All Large Language Models are in 1.58 Bits" (arXiv:2402.17764), section 2,
equations 1 to 3.
"""

from __future__ import annotations

import numpy as np

from lutwerk.graph import F32, Ternary
from lutwerk.quantize.base import Quantized, float_blocks
from lutwerk.quantize.ternary import ternary_codes

#: Least mean magnitude, as in the training code of BitNet models.
_MIN_MEAN = np.float32(1e-5)


def absmean_ternary(weights: F32) -> Ternary:
    """Round to ``clip(rint(w * s), -1, 1)`` with scale ``1 / s``, ``s = 1 / max(mean|w|, 1e-5)``.

    All float32 but the sum of magnitudes, which is taken in float64: it is then the same on every
    machine.
    """
    total = np.float64(0)
    for _, block in float_blocks(weights):
        total += np.abs(block).sum(dtype=np.float64)
    inverse = np.float32(1) / max(np.float32(total / weights.size), _MIN_MEAN)
    values = np.empty(weights.shape, dtype=np.int8)
    for span, block in float_blocks(weights):
        values[span] = np.clip(np.rint(block * inverse), -1, 1)
    return Ternary(values, np.float32(1) / inverse)


class AbsmeanQuantizer:
    """Float weights to ternary; weights that are ternary already are stored as they are."""

    name = "absmean"
    format = "ternary"

    def quantize(self, weights: F32 | Ternary, where: str) -> Quantized:
        """See :class:`lutwerk.quantize.base.Quantizer`."""
        return ternary_codes(weights if isinstance(weights, Ternary) else absmean_ternary(weights))
