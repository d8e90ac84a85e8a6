"""The two-stage head in NumPy: the bounds of docs/two-stage-head.md and what they leave of a vocabulary.

All floats are binary32 in the order of that document, so that the C library's counts of survivors and candidates can be
compared exactly; integer sums are exact in any order.
"""

from dataclasses import dataclass

import numpy as np

F32 = np.float32
OFFSET, GROUP = 30, 64
#: Variance of a uniform low part 0 .. 7.
VARIANCE = 5.25


@dataclass(frozen=True)
class Head:
    """A head in format i57g64: values -30..26 [vocab, groups, 64], scales [vocab, groups], dither [groups, 64]."""

    values: np.ndarray
    scales: np.ndarray
    dither: np.ndarray

    @classmethod
    def of(cls, quantized, dither):
        rows, cols = quantized.codes.shape
        values = np.zeros((rows, dither.size), np.int16)
        values[:, :cols] = quantized.codes.astype(np.int16) - OFFSET
        return cls(
            values.reshape(rows, -1, GROUP),
            quantized.scales,
            dither.reshape(-1, GROUP).astype(np.int16),
        )

    @property
    def groups(self):
        return self.scales.shape[1]

    def residual_directions(self):
        """Float32 [vocab, columns]: for each row a state that only its low part without dither responds to.

        The low part itself, less its share of the direction of the high part.
        """
        low = (self.values + OFFSET) % 8 - F32(3.5)
        high = ((self.values - low) * self.scales[:, :, None]).reshape(len(low), -1)
        low = (low * self.scales[:, :, None]).reshape(len(low), -1)
        share = (low * high).sum(axis=1) / np.maximum((high * high).sum(axis=1), F32(1e-30))
        return (low - share[:, None] * high).astype(F32)


@dataclass(frozen=True)
class Tokens:
    """Activations as the operation quantize gives them: float32 [tokens, groups, 64] of integers, scales [tokens]."""

    q: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, states):
        tokens, cols = states.shape
        most = np.maximum(np.abs(states).max(axis=1), F32(1e-5))
        rounded = np.rint(np.clip(states * (F32(127) / most)[:, None], -127, 127)).astype(F32)
        padded = np.zeros((tokens, -(-cols // GROUP) * GROUP), F32)
        padded[:, :cols] = rounded
        return cls(padded.reshape(tokens, -1, GROUP), most / F32(127))


def t_of(top):
    """Deviations that are allowed for each of ``top`` rows, so that all together fail with exp(-28)."""
    return np.sqrt(56 + 2 * np.log(top))


def sigma_of(groups):
    """Bound of all rounding errors, relative to R."""
    return (groups + 8) * 2.0**-24 * 1.01 * 540 * np.sqrt(groups)


def full_product(head, tokens):
    """The contract's logits: float32 [tokens, vocab]."""
    acc = np.zeros((len(tokens.q), len(head.values)), F32)
    for g in range(head.groups):
        acc += head.scales[:, g] * (tokens.q[:, g] @ head.values[:, g].T.astype(F32))
    return acc * tokens.scale[:, None]


@dataclass(frozen=True)
class Bounds:
    """Of each token and row, float32 [tokens, vocab]: estimate and its radius R, and bounds of the logit.

    ``upper`` follows from the high bits and holds but for the stated probability; ``low`` and ``high`` use all bits and
    always hold.
    """

    estimate: np.ndarray
    radius: np.ndarray
    upper: np.ndarray
    low: np.ndarray
    high: np.ndarray


def bounds(head, tokens, top, t=None):
    """All bounds; ``t`` replaces the proved number of deviations, to see what then goes wrong."""
    shape = len(tokens.q), len(head.values)
    estimate2, low2, radius2 = (np.zeros(shape, F32) for _ in range(3))
    stored = head.values + OFFSET + head.dither
    assert stored.min() >= 0
    assert stored.max() < 64
    for g in range(head.groups):
        q, scale = tokens.q[:, g], head.scales[:, g]
        offset = q @ (7 - 2 * OFFSET - 2 * head.dither[g]).astype(F32)
        estimate2 += scale * (F32(16) * (q @ (stored[:, g] >> 3).T.astype(F32)) + offset[:, None])
        low2 += scale * (
            F32(2) * (q @ (stored[:, g] & 7).T.astype(F32)) - F32(7) * q.sum(axis=1)[:, None]
        )
        radius2 += (scale * scale) * (q * q).sum(axis=1)[:, None]
    estimate, radius = estimate2 * F32(0.5), np.sqrt(radius2)
    deviations = t_of(top) if t is None else t
    sigma = sigma_of(head.groups)
    kappa = F32((deviations * np.sqrt(VARIANCE) + sigma) * (1 + 2**-10))
    slack = F32(sigma * (1 + 2**-10)) * radius
    exact = estimate + low2 * F32(0.5)
    scale = tokens.scale[:, None]
    return Bounds(
        estimate,
        radius,
        (estimate + kappa * radius) * scale,
        (exact - slack) * scale,
        (exact + slack) * scale,
    )


def survive(found, token, top):
    """Rows whose low bits are read, and of these the rows that are computed exactly."""
    low, estimate = found.low[token], found.estimate[token]
    seeds = np.argsort(-estimate, kind="stable")[: max(4 * top, 32)]
    threshold = np.sort(low[seeds])[-top]
    survivors = np.flatnonzero(found.upper[token] >= threshold)
    if len(survivors) >= top:
        threshold = max(threshold, np.sort(low[survivors])[-top])
    return survivors, survivors[found.high[token, survivors] >= threshold]


def best(logits, top):
    """Ids of the ``top`` greatest logits [tokens, vocab], the lowest id first among equals."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :top]


def lost(found, logits, top):
    """How many tokens lose one of their ``top`` rows."""
    truth = best(logits, top)
    return sum(not np.isin(row, survive(found, i, top)[1]).all() for i, row in enumerate(truth))
