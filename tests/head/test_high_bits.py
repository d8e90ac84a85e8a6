"""The study of other cuts describes the cut that is in use as the quantiser and the oracle have it."""

import numpy as np
import pytest

import oracle
from high_bits import CUTS, study
from lutwerk.quantize import QUANTIZERS


def test_first_cut_is_the_one_in_use():
    cut = CUTS[0]
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((50, 128)).astype(np.float32)
    values, scale = cut.quantize(weights.reshape(50, 2, 64))
    found = QUANTIZERS["i57g64"].quantize(weights, "w")
    # scales are rounded to float16 there, so that a weight near the middle may round otherwise
    assert scale == pytest.approx(found.scales, rel=2**-10)
    codes = found.codes.reshape(50, 2, 64).astype(int)
    assert np.abs(values + cut.long - codes).max() <= 1
    assert (values + cut.long == codes).mean() > 0.95
    assert cut.levels == 57
    assert cut.kappa(40) == pytest.approx(oracle.t_of(40) * np.sqrt(oracle.VARIANCE))


def test_fewer_high_bits_let_more_rows_survive():
    found = list(study("normal", 4096, 256, 3, np.random.default_rng(4)))
    shares = {(cut.high_bits, cut.low_bits, top): share for _, cut, _, top, share, _ in found}
    assert len(shares) == 6
    for top in (1, 40):
        assert top / 4096 <= shares[3, 3, top] < shares[2, 4, top] <= 1
