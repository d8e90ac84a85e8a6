"""The statements that the two-stage head rests on, and that these tests would notice if one were false."""

from dataclasses import replace

import numpy as np
import pytest

import oracle
from heads import HEADS, STATES, draw_head, draw_states
from lutwerk import split
from lutwerk.quantize import QUANTIZERS
from lutwerk.quantize.base import Quantized

F32 = np.float32


def quantised(weights):
    found = QUANTIZERS["i57g64"].quantize(weights, "w")
    return oracle.Head.of(found, split.draw_dither(found.codes, found.scales))


@pytest.mark.parametrize("states", STATES)
@pytest.mark.parametrize("kind", HEADS)
def test_bounds_hold_and_no_top_row_is_lost(kind, states):
    rng = np.random.default_rng(HEADS.index(kind) * len(STATES) + STATES.index(states))
    head = quantised(draw_head(kind, rng, 400, 100))
    tokens = oracle.Tokens.of(draw_states(states, rng, 30, 100, head))
    logits = oracle.full_product(head, tokens)
    for top in (1, 8):
        found = oracle.bounds(head, tokens, top)
        assert (found.low <= logits).all()
        assert (logits <= found.high).all()
        assert (logits <= found.upper).all()
        assert oracle.lost(found, logits, top) == 0


@pytest.mark.parametrize("cols", [1, 63, 64, 65, 640])
def test_bounds_hold_at_the_corners(cols):
    """Extreme values and activations of equal and opposite signs, rows of zeros and a state of zeros."""
    rng = np.random.default_rng(cols)
    codes = np.repeat(np.array([0, 56, 30], np.uint8), 40)[:, None] * np.ones(cols, np.uint8)
    codes[::2] = rng.choice([0, 56], (60, cols))
    scales = (
        rng.choice([6e-8, 1e-3, -0.5, 65504, 0], (120, -(-cols // 64)))
        .astype(np.float16)
        .astype(F32)
    )
    found = Quantized(codes, scales)
    head = oracle.Head.of(found, split.draw_dither(codes, scales))
    states = np.concatenate(
        [
            np.ones((1, cols)),
            -np.ones((1, cols)),
            np.zeros((1, cols)),
            rng.choice([-1, 1], (40, cols)),
        ]
    ).astype(F32)
    tokens = oracle.Tokens.of(states)
    assert set(np.unique(np.abs(tokens.q))) <= {0, 127}
    logits = oracle.full_product(head, tokens)
    found = oracle.bounds(head, tokens, 1)
    assert (found.low <= logits).all()
    assert (logits <= found.high).all()
    assert (logits <= found.upper).all()
    assert (logits[2] == 0).all()


def excess(rng, weights, codes, samples):
    """Deviations of the estimate by the dither, in units of its bound: float64 [samples]."""
    radius = np.sqrt(oracle.VARIANCE * (weights**2).sum())
    drawn = []
    for _ in range(samples // 20_000):
        dither = rng.integers(0, 8, (20_000, weights.size), dtype=np.uint8)
        drawn.append(((codes + dither) % 8 - 3.5) @ weights / radius)
    return np.concatenate(drawn)


WEIGHTS = {
    "equal": np.ones(128),
    "few": np.r_[np.ones(9), np.zeros(119)],
    "decaying": 0.97 ** np.arange(128),
    "outlier": np.r_[np.ones(127), 8.0],
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_tails_stay_below_the_sub_gaussian_bound(kind):
    """P(e > t sqrt(5.25) R) <= exp(-t^2 / 2): counts over 200 000 dithers, with room for chance at t = 5."""
    rng = np.random.default_rng(7)
    deviations = excess(rng, WEIGHTS[kind], rng.integers(0, 57, 128, dtype=np.uint8), 200_000)
    assert deviations.std() == pytest.approx(1, abs=0.01)
    for t in (3, 4, 5):
        for tail in (deviations > t, deviations < -t):
            assert tail.sum() <= deviations.size * np.exp(-t * t / 2) + 3


def test_the_tail_test_notices_a_dither_that_is_not_uniform():
    """With dithers of 0 to 5 the low parts of equal codes lean to one side, and the tail is full."""
    rng = np.random.default_rng(8)
    weights = np.ones(256)
    low = rng.integers(0, 6, (20_000, 256)) - 3.5
    deviations = -(low @ weights) / np.sqrt(oracle.VARIANCE * 256)
    assert (deviations > 3).mean() > np.exp(-4.5)


def test_too_few_deviations_lose_rows():
    """The bound is not idle: with half a deviation instead of 7.5 the best row is often ruled out."""
    rng = np.random.default_rng(9)
    head = quantised(draw_head("normal", rng, 1000, 256))
    tokens = oracle.Tokens.of(draw_states("random", rng, 100, 256, head))
    logits = oracle.full_product(head, tokens)
    assert oracle.lost(oracle.bounds(head, tokens, 1), logits, 1) == 0
    assert oracle.lost(oracle.bounds(head, tokens, 1, t=0.5), logits, 1) > 10


def test_without_dither_states_like_residuals_lose_rows():
    rng = np.random.default_rng(10)
    head = quantised(draw_head("normal", rng, 1000, 576))
    tokens = oracle.Tokens.of(draw_states("like residuals", rng, 50, 576, head))
    logits = oracle.full_product(head, tokens)
    assert oracle.lost(oracle.bounds(head, tokens, 1), logits, 1) == 0
    bare = replace(head, dither=np.zeros_like(head.dither))
    assert oracle.lost(oracle.bounds(bare, tokens, 1), logits, 1) > 25
