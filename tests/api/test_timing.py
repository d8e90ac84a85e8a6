"""Measured times are those of a warm machine."""

from types import SimpleNamespace

import pytest

from lutwerk.timing import time_product


class ColdSession:
    """A session whose first run reads the weights from disk."""

    model = SimpleNamespace(info=SimpleNamespace(vocab=4))

    def __init__(self):
        self.runs = 0

    def measure_product(self, tensor, logits, repetitions):
        self.runs += 1
        return 2.0 if self.runs == 1 else 0.5


@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_a_cold_first_run_does_not_count(seconds):
    assert time_product(ColdSession(), 0, 1, seconds) == 0.5
