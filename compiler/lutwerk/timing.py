"""How long the matrix products of a model take on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from lutwerk.native import Session

#: The least of many runs counts: what else the machine does can only add, and spares some runs that are
#: shorter than the time slices of its scheduler.
_RUN_SECONDS = 1e-3


def time_product(session: Session, tensor: int, tokens: int, seconds: float) -> float:
    """Seconds of one product by a matrix like ``tensor`` for ``tokens`` tokens.

    Measures for about ``seconds``, or two runs over all such matrices where these take longer.
    """
    logits = np.empty((tokens, session.model.info.vocab), np.float32)
    return _least(lambda runs: session.measure_product(tensor, logits, runs), seconds)


def time_head(session: Session, top: int, seconds: float, *, estimates: bool = False) -> float:
    """Seconds of a two-stage head for the ``top`` greatest logits, or of its first stage; as time_product."""
    logits = np.empty(session.model.info.vocab, np.float32)
    return _least(
        lambda runs: session.measure_head(logits, top, runs, estimates=estimates), seconds
    )


def _least(measure: Callable[[int], float], seconds: float) -> float:
    measure(1)  # reads from disk, and maps, what the kernels touch
    began = time.perf_counter()
    least = measure(1)
    once = time.perf_counter() - began
    repetitions = max(1, int(min(seconds, _RUN_SECONDS) / max(once, 1e-6)))
    while time.perf_counter() - began < seconds:
        least = min(least, measure(repetitions))
    return least
