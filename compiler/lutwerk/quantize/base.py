"""What a quantiser is, and the helpers that all of them share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lutwerk.graph import F32, Ternary

#: Weights handled at a time: small enough for a block and its temporaries to stay in the cache.
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Quantized:
    """A quantised matrix: ``weight = value * scale``, or the number itself.

    ``codes`` is uint8 ``[rows, cols]``, or float16 or float32 for the float formats; formats.def says
    which value a code stands for. ``scales`` is float32 ``[rows, groups]`` (exact in float16 for the
    scale type GROUP_F16), None for the float formats; ``zeros`` is uint8 ``[rows, groups]`` for the
    codebook UINT, None for others.
    """

    codes: NDArray[np.uint8] | NDArray[np.float16] | F32
    scales: F32 | None
    zeros: NDArray[np.uint8] | None = None


class Quantizer(Protocol):
    """Turns weights into codes and scales of one format."""

    @property
    def name(self) -> str:
        """What a user types."""

    @property
    def format(self) -> str:
        """The row of formats.def that the result has."""

    def quantize(self, weights: F32 | Ternary, where: str) -> Quantized:
        """Quantise finite ``weights`` ``[rows, cols]``.

        ``where`` names the tensor in messages. Raises CompileError when the format cannot hold the
        weights.
        """


def shape_of(weights: F32 | Ternary) -> tuple[int, int]:
    """Rows and columns."""
    rows, cols = (weights.values if isinstance(weights, Ternary) else weights).shape
    return rows, cols


def float_blocks(weights: F32 | Ternary) -> Iterator[tuple[slice, F32]]:
    """Yield ``(rows, float32 block)`` from first to last row, ternary weights dequantised."""
    rows, cols = shape_of(weights)
    step = max(1, _BLOCK // cols)
    for start in range(0, rows, step):
        span = slice(start, min(start + step, rows))
        if isinstance(weights, Ternary):
            yield span, weights.values[span] * np.float32(weights.scale)
        else:
            yield span, weights[span]
