"""Symmetric round to nearest, 2 to 8 bits: one float16 scale per row and group of columns, or one float32 a row.

A code stands for an integer from ``-2^(bits-1)`` to ``2^(bits-1) - 1``, so there is one negative
level more than positive ones. The scale takes the sign that puts the weight of greatest magnitude
on the longer side. With many levels the scale that just reaches this weight is close to best; with
few, some scales that trade the extra level and the clipping of outliers against a finer step are
tried, and the one of least squared error is kept.
"""

from __future__ import annotations

import numpy as np

from lutwerk.defs import Format
from lutwerk.errors import CompileError
from lutwerk.graph import F32, Ternary
from lutwerk.quantize.base import Quantized, float_blocks, shape_of

#: Formats of at most so many bits search for the scale.
_SEARCH_BITS = 4
#: Steps from 0 to the weight of greatest magnitude that are tried, relative to ``2^(bits-1)``: -1
#: leaves the extra level unused, 0 uses it, more than 0 clips. On normal and Laplace weights the
#: error is within 2% of a search in steps of 0.1.
_LEVELS_TRIED = (-1.0, 0.0, -0.5, 0.25, 0.5, 1.0, 1.5)


class RoundToNearest:
    """Round to nearest in one INT format of formats.def; a subclass may choose other scales."""

    def __init__(self, target: Format):
        self.name = target.name
        self.format = target.name
        self._format = target
        half = 1 << (target.bits - 1)
        searched = _LEVELS_TRIED if target.bits <= _SEARCH_BITS else _LEVELS_TRIED[:1]
        self._levels = [np.float32(half + step) for step in searched]

    def quantize(self, weights: F32 | Ternary, where: str) -> Quantized:
        """See :class:`lutwerk.quantize.base.Quantizer`. The last group of a row may be partial."""
        rows, cols = shape_of(weights)
        group = self._format.group or cols
        groups = self._format.groups(cols)
        codes = np.empty((rows, cols), dtype=np.uint8)
        scales = np.empty((rows, groups), dtype=np.float32)
        for span, block in float_blocks(weights):
            padded = np.zeros((len(block), groups * group), dtype=np.float32)
            padded[:, :cols] = block
            # Groups as columns: operations over a group then run over whole rows of memory, element
            # by element, which is fast and sums in the same order on every machine.
            columns = np.ascontiguousarray(padded.reshape(-1, group).T)
            best = self.best_scales(columns)
            if np.isinf(best).any():
                row, index = divmod(int(np.argmax(np.isinf(best))), groups)
                raise CompileError(
                    f"{where}: row {span.start + row}, columns from {index * group} need a scale "
                    f"beyond 65504, the largest float16 that format '{self.format}' can store; use "
                    "quantiser 'f32' for this tensor."
                )
            offset = np.float32(self._format.offset)
            as_rows = (self._integers(columns, best) + offset).astype(np.uint8).T
            codes[span] = as_rows.reshape(len(block), -1)[:, :cols]
            scales[span] = best.reshape(len(block), groups)
        return Quantized(codes, scales)

    def _integers(self, columns: F32, scales: F32) -> F32:
        """Nearest levels of ``columns`` ``[group, n]`` for ``scales`` ``[n]``; 0 for scale 0."""
        lowest = -self._format.offset
        divisors: F32 = np.where(scales == 0, np.float32(np.inf), scales)
        levels = columns / divisors
        np.rint(levels, out=levels)
        return np.clip(levels, lowest, lowest + self._format.max_code, out=levels)

    def best_scales(self, columns: F32) -> F32:
        """Scales ``[n]`` of least squared error among the candidates; the first when equal."""
        top, bottom = columns.max(axis=0), columns.min(axis=0)
        signed_extreme = np.where(top > -bottom, -top, -bottom)
        best = as_stored(signed_extreme / self._levels[0], self._format)
        if len(self._levels) == 1 or np.isinf(best).any():
            return best
        least = self._squared_error(columns, best)
        for level in self._levels[1:]:
            scales = as_stored(signed_extreme / level, self._format)
            error = self._squared_error(columns, scales)
            better = error < least
            np.copyto(best, scales, where=better)
            np.copyto(least, error, where=better)
        return best

    def _squared_error(self, columns: F32, scales: F32) -> F32:
        difference = self._integers(columns, scales)
        difference *= scales
        difference -= columns
        np.square(difference, out=difference)
        # Rows one by one: np.sum may pick another order of additions, and so other bits, for
        # another shape.
        total = np.zeros(scales.shape, dtype=np.float32)
        for row in difference:
            total += row
        return total


def as_stored(scales: F32, target: Format) -> F32:
    """Scales rounded to what a format stores; infinite beyond its range."""
    kind = np.float16 if target.scale == "GROUP_F16" else np.float32
    with np.errstate(over="ignore"):
        # Adding 0 turns the -0 of a group of zeros into 0.
        return scales.astype(kind).astype(np.float32) + np.float32(0)
