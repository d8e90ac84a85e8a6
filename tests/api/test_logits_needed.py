"""The sampler chooses the same token when it is given only the logits that it says it needs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwerk.sampling import Sampler, Sampling

VOCAB = 150


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    temperature=st.sampled_from([0, 0.5, 1.3]),
    top_k=st.sampled_from([0, 1, 5, 40]),
    top_p=st.sampled_from([0.5, 0.95, 1]),
    min_p=st.sampled_from([0, 0.05]),
    repeat_penalty=st.sampled_from([1, 1.1, 1.7, 0.8]),
    recent=st.lists(st.integers(0, VOCAB - 1), max_size=64),
    spread=st.sampled_from([2, 20, 200]),
)
def test_less_is_enough(seed, temperature, top_k, top_p, min_p, repeat_penalty, recent, spread):
    """Logits are integers, so that many are tied and none becomes equal by a division."""
    sampling = Sampling(temperature, top_k, top_p, min_p, repeat_penalty)
    logits = np.random.default_rng(seed).integers(-spread, spread, VOCAB).astype(np.float32)
    needed = sampling.logits_needed(recent)
    partial = logits.copy()
    if needed:
        partial[np.argsort(-logits, kind="stable")[needed:]] = -np.inf
    whole, part = Sampler(VOCAB, sampling, seed), Sampler(VOCAB, sampling, seed)
    for _ in range(4):
        assert part.sample(partial.copy(), recent) == whole.sample(logits.copy(), recent)


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({"temperature": 0}, 1),
        ({"temperature": 0, "repeat_penalty": 1.1}, 1 + 3),
        ({"top_k": 40}, 40),
        ({"top_k": 40, "repeat_penalty": 1.1}, 40 + 3),
        ({"top_k": 40, "repeat_penalty": 0.9}, 0),
        ({"top_k": 0}, 0),
        ({"temperature": 1e-7}, 0),
    ],
)
def test_how_many_are_needed(settings, needed):
    assert Sampling(**settings).logits_needed([5, 7, 5, 9]) == needed
