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
from lutwerk.graph import F32
from lutwerk.quantize.groups import Fitted, GroupQuantizer, as_stored, column_sums, divisors

#: Formats of at most so many bits search for the scale. With more, trying the first three lowers the
#: error of the weights by 1 to 8%, but a trained model's logits and perplexity became better and
#: worse by turns (stories260K, 5 and 6 bits).
_SEARCH_BITS = 4
#: Steps from 0 to the weight of greatest magnitude that are tried, relative to ``2^(bits-1)``: -1
#: leaves the extra level unused, 0 uses it, more than 0 clips. On normal and Laplace weights the
#: error is within 2% of a search in steps of 0.1.
_LEVELS_TRIED = (-1.0, 0.0, -0.5, 0.25, 0.5, 1.0, 1.5)


class RoundToNearest(GroupQuantizer):
    """Round to nearest in one INT format of formats.def; a subclass may choose other scales."""

    def __init__(self, target: Format):
        super().__init__(target)
        half = 1 << (target.bits - 1)
        searched = _LEVELS_TRIED if target.bits <= _SEARCH_BITS else _LEVELS_TRIED[:1]
        self._levels = [np.float32(half + step) for step in searched]

    def fit(self, columns: F32, sizes: F32) -> Fitted:
        """Codes of the scales that :meth:`best_scales` gives."""
        best = self.best_scales(columns)
        return Fitted(self._integers(columns, best) + np.float32(self._format.offset), best, None)

    def _integers(self, columns: F32, scales: F32) -> F32:
        """Nearest levels of ``columns`` ``[group, n]`` for ``scales`` ``[n]``; 0 for scale 0."""
        lowest = -self._format.offset
        levels = columns / divisors(scales)
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
        return column_sums(np.square(difference, out=difference))
