"""Formats with zero points, and of 1 bit: against definitions written number by number, and beside other formats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwerk.defs import FORMATS
from lutwerk.errors import CompileError
from lutwerk.quantize import QUANTIZERS

UINTS = [fmt for fmt in FORMATS.values() if fmt.codebook == "UINT"]
BINARIES = [fmt for fmt in FORMATS.values() if fmt.codebook == "BINARY"]
each_uint = pytest.mark.parametrize("fmt", UINTS, ids=lambda fmt: fmt.name)
each_binary = pytest.mark.parametrize("fmt", BINARIES, ids=lambda fmt: fmt.name)
each = pytest.mark.parametrize("fmt", UINTS + BINARIES, ids=lambda fmt: fmt.name)
seeds = st.integers(0, 2**32 - 1)


def normal(seed, rows, cols, sigma=0.02, mean=0.0):
    drawn = np.random.default_rng(seed).standard_normal((rows, cols)) * sigma + mean
    return drawn.astype(np.float32)


def by_column(numbers, fmt, cols):
    """Numbers of groups, one for each column."""
    return numbers.astype(np.float64)[:, np.arange(cols) // (fmt.group or cols)]


def dequantise(quantized, fmt):
    """Element by element from the definitions in formats.def, in float64."""
    cols = quantized.codes.shape[1]
    codes = quantized.codes.astype(np.float64)
    if fmt.codebook == "UINT":
        values = codes - by_column(quantized.zeros, fmt, cols)
    else:
        values = 2 * codes - 1 if fmt.codebook == "BINARY" else codes - fmt.offset
    return values * by_column(quantized.scales, fmt, cols)


def error(name, weights):
    """Root mean square of the error, relative to that of the weights."""
    difference = dequantise(QUANTIZERS[name].quantize(weights, "w"), FORMATS[name]) - weights
    return np.sqrt(np.mean(difference**2) / np.mean(np.square(weights, dtype=np.float64)))


@each
@settings(max_examples=15, deadline=None)
@given(seed=seeds, rows=st.integers(1, 4), cols=st.integers(1, 300), mean=st.floats(-0.1, 0.1))
def test_shapes_and_ranges(fmt, seed, rows, cols, mean):
    quantized = QUANTIZERS[fmt.name].quantize(normal(seed, rows, cols, mean=mean), "w")
    groups = fmt.groups(cols)
    assert (quantized.codes.dtype, quantized.codes.shape) == (np.uint8, (rows, cols))
    assert (quantized.scales.dtype, quantized.scales.shape) == (np.float32, (rows, groups))
    assert quantized.codes.max() <= fmt.max_code
    assert (quantized.scales >= 0).all()
    if fmt.group:
        assert np.array_equal(quantized.scales, quantized.scales.astype(np.float16))
    if fmt.has_zeros:
        assert (quantized.zeros.dtype, quantized.zeros.shape) == (np.uint8, (rows, groups))
        assert quantized.zeros.max() <= fmt.max_code
    else:
        assert quantized.zeros is None


@each_uint
@settings(max_examples=15, deadline=None)
@given(seed=seeds, cols=st.integers(1, 300), exponent=st.integers(-8, 12), mean=st.floats(-3, 3))
def test_error_is_half_a_step_unless_clipped(fmt, seed, cols, exponent, mean):
    weights = normal(seed, 3, cols, 2.0**exponent, mean * 2.0**exponent)
    quantized = QUANTIZERS[fmt.name].quantize(weights, "w")
    inside = (quantized.codes > 0) & (quantized.codes < fmt.max_code)
    difference = np.abs(weights - dequantise(quantized, fmt))
    half = by_column(quantized.scales, fmt, cols) / 2
    # Half a step, and the rounding of the float32 division by the scale.
    assert (difference <= half * (1 + 1e-4))[inside].all()


@each_uint
@settings(max_examples=15, deadline=None)
@given(seed=seeds, cols=st.integers(2, 300))
def test_weights_that_the_format_can_hold_are_kept(fmt, seed, cols):
    """Multiples of a float16 scale over the whole range, wherever its 0 is."""
    rng = np.random.default_rng(seed)
    zeros = rng.integers(0, fmt.max_code + 1, (3, fmt.groups(cols)))
    codes = rng.integers(0, fmt.max_code + 1, (3, cols))
    codes[:, :: fmt.group] = 0
    codes[:, 1 :: fmt.group] = fmt.max_code
    alone = cols % fmt.group == 1  # the last group has one weight, so no range
    scale = np.float32(np.float16(rng.uniform(0.001, 10)))
    weights = ((codes - by_column(zeros, fmt, cols)) * scale).astype(np.float32)
    found = dequantise(QUANTIZERS[fmt.name].quantize(weights, "w"), fmt)
    kept = slice(0, cols - alone)
    np.testing.assert_array_equal(found[:, kept], weights[:, kept])


@each_uint
def test_the_search_is_never_worse_than_the_whole_range(fmt):
    weights = normal(1, 16, 4 * fmt.group)
    groups = weights.reshape(16, -1, fmt.group)
    low, high = groups.min(axis=2, keepdims=True), groups.max(axis=2, keepdims=True)
    scale = ((high - low) / np.float32(fmt.max_code)).astype(np.float16).astype(np.float64)
    zero = np.rint(-low / scale)
    codes = np.clip(np.rint(groups / scale) + zero, 0, fmt.max_code)
    plain = np.sum(((codes - zero) * scale - groups) ** 2, axis=2)
    found = dequantise(QUANTIZERS[fmt.name].quantize(weights, "w"), fmt).reshape(groups.shape)
    found = np.sum((found - groups) ** 2, axis=2)
    assert (found <= plain * (1 + 1e-4)).all()
    assert found.sum() < 0.99 * plain.sum()


@each_uint
def test_zero_points_pay_where_weights_are_not_symmetric(fmt):
    """A mean of two standard deviations leaves half of the symmetric levels nearly unused."""
    weights = normal(2, 64, 4 * fmt.group, mean=0.04)
    assert error(fmt.name, weights) < 0.9 * error("i" + fmt.name[1:], weights)


@pytest.mark.parametrize("bits", [4, 5, 6, 7, 8])
def test_zero_points_lose_nothing_where_weights_are_symmetric(bits):
    weights = normal(3, 256, 256)
    for group in (32, 64, 128):
        assert error(f"u{bits}g{group}", weights) < error(f"i{bits}g{group}", weights)


@each
def test_a_group_of_zeros(fmt):
    cols = 2 * (fmt.group or 40)
    weights = normal(4, 2, cols)
    weights[0, : fmt.group or cols] = 0
    quantized = QUANTIZERS[fmt.name].quantize(weights, "w")
    assert quantized.scales[0, 0] == 0
    assert not np.signbit(quantized.scales[0, 0])
    assert (dequantise(quantized, fmt)[0, : fmt.group or cols] == 0).all()
    assert quantized.codes[1].std() > 0


@pytest.mark.parametrize("fmt", [f for f in UINTS + BINARIES if f.group], ids=lambda fmt: fmt.name)
def test_a_scale_beyond_float16_is_refused_with_its_place(fmt):
    weights = np.zeros((7, 2 * fmt.group), np.float32)
    weights[4, fmt.group :] = 3e7
    with pytest.raises(CompileError) as caught:
        QUANTIZERS[fmt.name].quantize(weights, "layer.weight")
    for part in ("layer.weight", "row 4", f"columns from {fmt.group}", "65504", "'f32'"):
        assert part in str(caught.value)


@each_uint
def test_weights_at_the_end_of_float16(fmt):
    """A scale of nearly 65504 may be refined beyond it; the unrefined one then counts."""
    weights = normal(5, 4, fmt.group, 1.0)
    weights *= np.float32(65400 * fmt.max_code) / np.ptp(weights, axis=1, keepdims=True)
    quantized = QUANTIZERS[fmt.name].quantize(weights, "w")
    assert np.isfinite(quantized.scales).all()
    assert error(fmt.name, weights) < 0.6


@each
def test_results_do_not_depend_on_the_rows_around(fmt):
    weights = normal(6, 300, 1500)
    whole = QUANTIZERS[fmt.name].quantize(weights, "w")
    rows = [0, 173, 174, 175, 299]
    parts = [QUANTIZERS[fmt.name].quantize(weights[i : i + 1], "w") for i in rows]
    assert np.array_equal(whole.codes[rows], np.concatenate([p.codes for p in parts]))
    assert np.array_equal(whole.scales[rows], np.concatenate([p.scales for p in parts]))
    if fmt.has_zeros:
        assert np.array_equal(whole.zeros[rows], np.concatenate([p.zeros for p in parts]))


@each_binary
@settings(max_examples=15, deadline=None)
@given(seed=seeds, cols=st.integers(1, 300))
def test_binary_is_the_sign_and_the_mean_magnitude(fmt, seed, cols):
    weights = normal(seed, 3, cols)
    quantized = QUANTIZERS[fmt.name].quantize(weights, "w")
    assert np.array_equal(quantized.codes, weights >= 0)
    group = fmt.group or cols
    for row in range(3):
        for g in range(fmt.groups(cols)):
            part = weights[row, g * group : (g + 1) * group]
            mean = sum(abs(float(w)) for w in part) / len(part)
            # Rounded to float16, or summed in float32.
            close = 2**-11 if fmt.group else 1e-5
            assert quantized.scales[row, g] == pytest.approx(mean, rel=close, abs=2**-25)


@each_binary
def test_binary_has_the_error_of_its_levels(fmt):
    """For normal weights 1 - 2 / pi of the power is lost (XNOR-Net), a little less in small groups."""
    found = error(fmt.name, normal(7, 64, 1280))
    assert 0.98 * np.sqrt(1 - 2 / np.pi) < found < np.sqrt(1 - 2 / np.pi) * 1.002
