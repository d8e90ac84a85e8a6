"""One bit: the sign of a weight, times the mean magnitude of its group or row.

Of all scales the mean magnitude has the least squared error for the signs (XNOR-Net,
arXiv:1603.05279, section 3.1, equation 6); models trained for it exist (BitNet, arXiv:2310.11453,
section 2.1).
"""

from __future__ import annotations

import numpy as np

from lutwerk.graph import F32
from lutwerk.quantize.groups import Fitted, GroupQuantizer, as_stored, column_sums


class BinaryQuantizer(GroupQuantizer):
    """Signs in one BINARY format of formats.def; 0 counts as positive."""

    def fit(self, columns: F32, sizes: F32) -> Fitted:
        """Code 1 for a positive weight, 0 for a negative one."""
        scales = as_stored(column_sums(np.abs(columns)) / sizes, self._format)
        return Fitted((columns >= 0).astype(np.float32), scales, None)
