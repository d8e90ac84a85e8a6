"""The quantiser of 57 levels, number by number and in its error beside 64 levels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwerk.defs import FORMATS
from lutwerk.errors import CompileError
from lutwerk.quantize import QUANTIZERS

FORMAT = FORMATS["i57g64"]
quantize = QUANTIZERS["i57g64"].quantize
seeds = st.integers(0, 2**32 - 1)


def normal(seed, rows, cols, sigma=0.02):
    return (np.random.default_rng(seed).standard_normal((rows, cols)) * sigma).astype(np.float32)


def values(quantized):
    return quantized.codes.astype(int) - FORMAT.offset


@settings(max_examples=30, deadline=None)
@given(seed=seeds, rows=st.integers(1, 4), cols=st.integers(1, 300), exponent=st.integers(-8, 12))
def test_it_follows_its_definition(seed, rows, cols, exponent):
    weights = normal(seed, rows, cols, 2.0**exponent)
    quantized = quantize(weights, "w")
    assert (quantized.codes.dtype, quantized.codes.shape) == (np.uint8, (rows, cols))
    for row in range(rows):
        for group in range(FORMAT.groups(cols)):
            span = slice(64 * group, min(64 * group + 64, cols))
            part = weights[row, span]
            extreme = max(part, key=abs)
            opposite = max(0, *(-np.sign(extreme) * w for w in part))
            scale = max(np.abs(extreme) / np.float32(30), np.float32(opposite) / np.float32(26.49))
            expected = -np.sign(extreme) * np.float32(np.float16(scale))
            assert quantized.scales[row, group] == expected
            levels = np.clip(np.rint(part / expected), -30, 26)
            assert values(quantized)[row, span].tolist() == levels.tolist()


@settings(max_examples=30, deadline=None)
@given(seed=seeds, cols=st.integers(1, 200), exponent=st.integers(-20, 12))
def test_codes_stay_below_57_and_no_weight_is_off_by_more_than_a_step(seed, cols, exponent):
    weights = normal(seed, 3, cols, 2.0**exponent)
    quantized = quantize(weights, "w")
    assert quantized.codes.max() <= FORMAT.max_code == 56
    scale = quantized.scales[:, np.arange(cols) // 64]
    error = np.abs(values(quantized) * scale.astype(np.float64) - weights)
    # Half a step; at the ends float16 may have rounded the scale down, by half a unit below its normal range.
    assert (error <= np.abs(scale) * (0.5 + 30 * 2**-11) + 30 * 2.0**-25).all()


def test_the_extreme_of_a_group_is_on_the_longer_side():
    weights = normal(1, 20, 640)
    groups = values(quantize(weights, "w")).reshape(20, 10, 64)
    at = np.abs(weights).reshape(20, 10, 64).argmax(axis=2)
    extremes = np.take_along_axis(groups, at[:, :, None], axis=2)
    assert (extremes < 0).all()
    assert (extremes == -30).mean() > 0.2
    assert groups.max() == 26


def test_zeros_and_weights_below_the_least_scale():
    weights = np.zeros((2, 64), np.float32)
    weights[1, 3] = 1e-9
    quantized = quantize(weights, "w")
    assert (quantized.codes == FORMAT.offset).all()
    assert (quantized.scales == 0).all()
    assert not np.signbit(quantized.scales).any()


def test_a_scale_beyond_float16_is_refused_with_its_place():
    weights = np.zeros((7, 128), np.float32)
    weights[4, 64] = 3e7
    with pytest.raises(
        CompileError, match=r"layer.weight: row 4, columns from 64 .*65504.*'i57g64'"
    ):
        quantize(weights, "layer.weight")


def test_the_error_is_little_above_that_of_64_levels():
    weights = normal(2, 200, 2560)

    def error(name):
        fmt = FORMATS[name]
        quantized = QUANTIZERS[name].quantize(weights, "w")
        scale = np.repeat(quantized.scales.astype(np.float64), 64, axis=1)
        back = (quantized.codes.astype(np.float64) - fmt.offset) * scale
        return np.sqrt(((back - weights) ** 2).mean()) / weights.std()

    assert error("i57g64") == pytest.approx(0.0258, abs=0.0004)
    assert error("i57g64") < 1.08 * error("i6g64")
