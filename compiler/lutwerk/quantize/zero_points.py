"""Asymmetric round to nearest, 2 to 8 bits: a float16 scale and a zero point per row and group of columns.

A weight is ``(code - zero) * scale``, so that the levels cover a range that need not be symmetric;
0 is always one of them. The plain choice is the range from the least weight to the greatest
(Jacob et al., arXiv:1712.05877, section 2.1). With few levels outliers are better clipped: some
shares of that range are tried. For the codes that each gives, the scale of least squared error
follows from them (least squares: the sum of value * weight over the sum of value^2); of all these
scales and zero points those of least squared error are kept.
"""

from __future__ import annotations

import numpy as np

from lutwerk.graph import F32
from lutwerk.quantize.groups import Fitted, GroupQuantizer, as_stored, column_sums, divisors

#: Formats of at most so many bits clip outliers.
_CLIP_BITS = 4
#: Shares of the range that are tried. On normal and Student-t weights more of them change the error
#: by less than 1%.
_SHARES = (1.0, 0.9, 0.8, 0.7, 0.6)


class ZeroPoints(GroupQuantizer):
    """Round to nearest in one UINT format of formats.def."""

    def fit(self, columns: F32, sizes: F32) -> Fitted:
        """Scale and zero point of least squared error among the candidates; the first when equal."""
        best = np.zeros(columns.shape[1], np.float32)
        zeros = np.zeros_like(best)
        least = np.full_like(best, np.inf)
        top = np.float32(self._format.max_code)
        low = np.minimum(columns.min(axis=0), np.float32(0))
        high = np.maximum(columns.max(axis=0), np.float32(0))
        for share in _SHARES if self._format.bits <= _CLIP_BITS else _SHARES[:1]:
            scales = as_stored((high - low) * np.float32(share) / top, self._format)
            if np.isinf(scales).any():
                return Fitted(columns, scales, None)
            zero = np.clip(np.rint(low * np.float32(-share) / divisors(scales)), 0, top)
            for step in range(2):
                values = self._codes(columns, scales, zero) - zero
                error = column_sums(np.square(values * scales - columns))
                better = error < least
                np.copyto(best, scales, where=better)
                np.copyto(zeros, zero, where=better)
                np.copyto(least, error, where=better)
                if step == 0:
                    squares: F32 = np.maximum(column_sums(np.square(values)), np.float32(1))
                    fitting = as_stored(column_sums(values * columns) / squares, self._format)
                    scales = np.where(np.isinf(fitting), scales, fitting)
        return Fitted(self._codes(columns, best, zeros), best, zeros)

    def _codes(self, columns: F32, scales: F32, zeros: F32) -> F32:
        levels: F32 = np.rint(columns / divisors(scales))
        levels += zeros
        np.clip(levels, np.float32(0), np.float32(self._format.max_code), out=levels)
        return levels
