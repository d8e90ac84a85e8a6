"""Quality of a bundle: perplexity on a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lutwerk.bundle import Bundle
from lutwerk.errors import LutwerkError


@dataclass(frozen=True)
class Perplexity:
    """``value`` is the exponential of the mean negative log-likelihood of ``tokens`` scored tokens."""

    value: float
    tokens: int


def perplexity(bundle: Bundle, text: str, context: int = 512) -> Perplexity:
    """Perplexity of ``text`` in windows of ``context`` tokens, each begun with the bos token.

    Every token of the text is scored once, given those before it in its window (bos is not scored).

    Raises:
        LutwerkError: the model has no bos token, or the text is empty.
    """
    bos = bundle.info.bos
    ids = bundle.tokenize(text)
    if bos is None:
        raise LutwerkError("perplexity needs a bos token to begin each window; this model has none")
    body = ids[1:] if ids[:1] == [bos] else ids
    if not body:
        raise LutwerkError("perplexity needs a text of at least one token")
    step = context - 1
    total = 0.0
    for begin in range(0, len(body), step):
        window = [bos, *body[begin : begin + step]]
        logits = bundle.logits(window)[:-1].astype(np.float64)
        top = logits.max(axis=1)
        norm = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
        total += float((norm - logits[np.arange(len(window) - 1), window[1:]]).sum())
    return Perplexity(float(np.exp(total / len(body))), len(body))
