"""Heads and hidden states that a two-stage head could go wrong on."""

import numpy as np

F32 = np.float32

HEADS = ("normal", "low rank", "outliers", "duplicates", "near ties", "zipf", "subnormal")
STATES = ("random", "outliers", "like rows", "like residuals")


def draw_head(kind, rng, rows, cols):
    """Weights float32 [rows, cols]."""
    weights = rng.standard_normal((rows, cols))
    if kind == "low rank":
        weights = rng.standard_normal((rows, 4)) @ rng.standard_normal((4, cols)) + 0.02 * weights
    elif kind == "outliers":
        weights[:, rng.integers(0, cols, 3)] *= 30
    elif kind == "duplicates":
        weights[rows // 2 :] = weights[: rows - rows // 2]  # exact ties
    elif kind == "near ties":
        weights = weights[:1] + 1e-3 * weights * np.abs(weights[:1]).max()
    elif kind == "zipf":
        weights *= (1 + rng.permutation(rows))[:, None] ** -0.5
    elif kind == "subnormal":
        weights *= 3e-7  # scales below the normal range of float16
    return weights.astype(F32)


def draw_states(kind, rng, count, cols, head):
    """States float32 [count, cols] for a quantised ``head`` (oracle.Head); none depends on its dither."""
    states = rng.standard_normal((count, cols)).astype(F32)
    rows = rng.integers(0, len(head.values), count)
    if kind == "outliers":
        states[:, rng.integers(0, cols, 2)] *= 50
    elif kind == "like rows":
        dense = (head.values[rows] * head.scales[rows][:, :, None]).reshape(count, -1)[:, :cols]
        states = (dense + 0.3 * dense.std() * states).astype(F32)
    elif kind == "like residuals":
        states = head.residual_directions()[rows, :cols]
    return states
