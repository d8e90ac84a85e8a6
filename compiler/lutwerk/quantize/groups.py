"""What the quantisers with one scale per row, or per row and group of columns, share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lutwerk.defs import Format
from lutwerk.errors import CompileError
from lutwerk.graph import F32, Ternary
from lutwerk.quantize.base import Quantized, float_blocks, shape_of


class Fitted(NamedTuple):
    """Groups as columns: codes ``[group, n]``, scales ``[n]`` and, for the codebook UINT, zero points ``[n]``."""

    codes: F32
    scales: F32
    zeros: F32 | None


class GroupQuantizer(ABC):
    """Quantises the groups of a matrix one by one to one format; a subclass says how."""

    def __init__(self, target: Format):
        self.name = target.name
        self.format = target.name
        self._format = target

    @abstractmethod
    def fit(self, columns: F32, sizes: F32) -> Fitted:
        """Quantise ``columns`` ``[group, n]``, the first ``sizes`` of each; the others are 0.

        Scales are as :func:`as_stored` gives them, infinite where the format has none so great.
        """

    def quantize(self, weights: F32 | Ternary, where: str) -> Quantized:
        """See :class:`lutwerk.quantize.base.Quantizer`. The last group of a row may be partial."""
        rows, cols = shape_of(weights)
        group = self._format.group or cols
        groups = self._format.groups(cols)
        codes = np.empty((rows, cols), dtype=np.uint8)
        scales = np.empty((rows, groups), dtype=np.float32)
        zeros = np.zeros((rows, groups), dtype=np.uint8) if self._format.has_zeros else None
        sizes = np.full(groups, group, dtype=np.float32)
        sizes[-1] = cols - (groups - 1) * group
        for span, block in float_blocks(weights):
            padded = np.zeros((len(block), groups * group), dtype=np.float32)
            padded[:, :cols] = block
            # Groups as columns: operations over a group then run over whole rows of memory, element
            # by element, which is fast and sums in the same order on every machine.
            columns = np.ascontiguousarray(padded.reshape(-1, group).T)
            fitted = self.fit(columns, np.tile(sizes, len(block)))
            if np.isinf(fitted.scales).any():
                row, index = divmod(int(np.argmax(np.isinf(fitted.scales))), groups)
                raise CompileError(
                    f"{where}: row {span.start + row}, columns from {index * group} need a scale "
                    f"beyond 65504, the largest float16 that format '{self.format}' can store; use "
                    "quantiser 'f32' for this tensor."
                )
            codes[span] = fitted.codes.astype(np.uint8).T.reshape(len(block), -1)[:, :cols]
            scales[span] = fitted.scales.reshape(len(block), groups)
            if zeros is not None and fitted.zeros is not None:
                zeros[span] = fitted.zeros.reshape(len(block), groups)
        return Quantized(codes, scales, zeros)


def as_stored(scales: F32, target: Format) -> F32:
    """Scales rounded to what a format stores; infinite beyond its range."""
    kind = np.float16 if target.scale == "GROUP_F16" else np.float32
    with np.errstate(over="ignore"):
        # Adding 0 turns the -0 of a group of zeros into 0.
        return scales.astype(kind).astype(np.float32) + np.float32(0)


def divisors(scales: F32) -> NDArray[np.float32]:
    """What to divide weights by: 0 stands for every weight of a group whose scale is 0."""
    return np.where(scales == 0, np.float32(np.inf), scales)


def column_sums(terms: F32) -> F32:
    """Sums ``[n]`` of ``[group, n]``.

    Rows one by one: np.sum may pick another order of additions, and so other bits, for another shape.
    """
    total = np.zeros(terms.shape[1], dtype=np.float32)
    for row in terms:
        total += row
    return total
