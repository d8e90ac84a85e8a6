"""How long the matrix products of a model take on this machine."""

from __future__ import annotations

import time

import numpy as np

from lutwerk.native import Session

#: The least of so many runs counts: what else the machine does can only add, and spares some short runs.
_RUNS = 16


def time_product(session: Session, tensor: int, tokens: int, seconds: float) -> float:
    """Seconds of one product by a matrix like ``tensor`` for ``tokens`` tokens.

    Measures for about ``seconds``, or for one run over all such matrices where this takes longer.
    """
    logits = np.empty((tokens, session.model.info.vocab), np.float32)
    session.measure_product(tensor, logits, 1)  # maps what the kernels touch
    began = time.perf_counter()
    least = session.measure_product(tensor, logits, 1)
    once = time.perf_counter() - began
    repetitions = max(1, int(seconds / _RUNS / max(once, 1e-6)))
    while time.perf_counter() - began < seconds:
        least = min(least, session.measure_product(tensor, logits, repetitions))
    return least
