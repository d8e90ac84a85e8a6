"""Quantisers against definitions written number by number, and properties of every format."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwerk.defs import FORMATS
from lutwerk.errors import CompileError
from lutwerk.graph import Ternary
from lutwerk.quantize import QUANTIZERS

INTS = [fmt for fmt in FORMATS.values() if fmt.codebook == "INT"]
each_int = pytest.mark.parametrize("fmt", INTS, ids=lambda fmt: fmt.name)
GROUPED = [fmt for fmt in INTS if fmt.group]
each_grouped = pytest.mark.parametrize("fmt", GROUPED, ids=lambda fmt: fmt.name)
seeds = st.integers(0, 2**32 - 1)


def normal(seed, rows, cols, sigma=0.02):
    return (np.random.default_rng(seed).standard_normal((rows, cols)) * sigma).astype(np.float32)


def ternary(seed, rows, cols, scale=0.37):
    values = np.random.default_rng(seed).integers(-1, 2, (rows, cols)).astype(np.int8)
    return Ternary(values, np.float32(scale))


def dequantise(quantized, fmt):
    """Element by element from the definition in formats.def, in float64."""
    cols = quantized.codes.shape[1]
    group = fmt.group or cols
    scale = quantized.scales[:, np.arange(cols) // group].astype(np.float64)
    return (quantized.codes.astype(np.float64) - fmt.offset) * scale, scale


def test_every_format_has_a_quantiser():
    assert {q.format for q in QUANTIZERS.values()} == set(FORMATS)
    assert all(q.name == name for name, q in QUANTIZERS.items())


@each_int
def test_integer_results_have_the_declared_shape_and_range(fmt):
    cols = fmt.group + 5
    quantized = QUANTIZERS[fmt.name].quantize(normal(0, 3, cols), "w")
    assert (quantized.codes.dtype, quantized.codes.shape) == (np.uint8, (3, cols))
    assert (quantized.scales.dtype, quantized.scales.shape) == (np.float32, (3, fmt.groups(cols)))
    assert quantized.codes.max() <= fmt.max_code
    if fmt.scale == "GROUP_F16":
        assert np.array_equal(quantized.scales, quantized.scales.astype(np.float16))


@each_int
@settings(max_examples=20, deadline=None)
@given(seed=seeds, rows=st.integers(1, 4), cols=st.integers(1, 300), exponent=st.integers(-8, 12))
def test_integer_error_is_half_a_step_unless_clipped(fmt, seed, rows, cols, exponent):
    weights = normal(seed, rows, cols, 2.0**exponent)
    quantized = QUANTIZERS[fmt.name].quantize(weights, "w")
    approximation, scale = dequantise(quantized, fmt)
    inside = (quantized.codes > 0) & (quantized.codes < fmt.max_code)
    error = np.abs(weights - approximation)
    # Half a step, and the rounding of the float32 division by the scale.
    assert (error <= np.abs(scale) / 2 * (1 + 1e-5))[inside].all()


@each_int
@settings(max_examples=20, deadline=None)
@given(seed=seeds, cols=st.integers(1, 300), negative=st.booleans())
def test_integer_formats_keep_weights_that_they_can_hold(fmt, seed, cols, negative):
    """Multiples of a float16 scale whose greatest one in each group, or row, is at the end of the range."""
    rng = np.random.default_rng(seed)
    top = fmt.offset - 1
    integers = rng.integers(-top, top + 1, (3, cols))
    integers[:, :: fmt.group or cols] = top
    if negative and fmt.bits <= 4:
        integers[:, :: fmt.group or cols] = -fmt.offset
    scale = np.float32(np.float16(rng.uniform(0.001, 10)))
    weights = (integers * scale).astype(np.float32)
    approximation, _ = dequantise(QUANTIZERS[fmt.name].quantize(weights, "w"), fmt)
    # Two float32 scales may both come within rounding of a row, and the first one is kept.
    np.testing.assert_allclose(approximation, weights, rtol=0 if fmt.group else 2e-7)


@each_int
def test_integer_search_is_never_worse_than_plain_rounding(fmt):
    weights = normal(1, 8, 4 * (fmt.group or 128))
    groups = weights.reshape(8, -1, fmt.group or weights.shape[1])
    scale = np.abs(groups).max(axis=2, keepdims=True) / (fmt.offset - 1)
    scale = scale.astype(np.float16 if fmt.group else np.float32).astype(np.float64)
    plain = np.sum((np.rint(groups / scale) * scale - groups) ** 2, axis=2)
    approximation, _ = dequantise(QUANTIZERS[fmt.name].quantize(weights, "w"), fmt)
    found = np.sum((approximation.reshape(groups.shape) - groups) ** 2, axis=2)
    assert (found <= plain * (1 + 1e-5)).all()
    if fmt.bits <= 4:
        assert found.sum() < 0.9 * plain.sum()


@each_grouped
def test_a_group_of_zeros_has_scale_zero_and_the_code_of_zero(fmt):
    weights = normal(2, 2, 2 * fmt.group)
    weights[0, : fmt.group] = 0
    quantized = QUANTIZERS[fmt.name].quantize(weights, "w")
    assert quantized.scales[0, 0] == 0
    assert not np.signbit(quantized.scales[0, 0])
    assert (quantized.codes[0, : fmt.group] == fmt.offset).all()
    assert quantized.codes[1, : fmt.group].std() > 0


@each_grouped
def test_a_scale_beyond_float16_is_refused_with_its_place(fmt):
    weights = np.zeros((7, 2 * fmt.group), np.float32)
    weights[4, fmt.group] = 3e7
    with pytest.raises(CompileError) as caught:
        QUANTIZERS[fmt.name].quantize(weights, "layer.weight")
    for part in ("layer.weight", "row 4", f"columns from {fmt.group}", "65504", "'f32'"):
        assert part in str(caught.value)


@each_int
def test_results_do_not_depend_on_the_rows_around(fmt):
    """Rows are processed in blocks; a block boundary must not be visible."""
    weights = normal(3, 300, 1500)
    whole = QUANTIZERS[fmt.name].quantize(weights, "w")
    parts = [
        QUANTIZERS[fmt.name].quantize(weights[i : i + 1], "w") for i in (0, 173, 174, 175, 299)
    ]
    rows = [0, 173, 174, 175, 299]
    assert np.array_equal(whole.codes[rows], np.concatenate([p.codes for p in parts]))
    assert np.array_equal(whole.scales[rows], np.concatenate([p.scales for p in parts]))


@pytest.mark.parametrize("name", sorted(set(QUANTIZERS) - {"ternary", "absmean"}))
def test_ternary_weights_are_dequantised_for_other_formats(name):
    weights = ternary(4, 5, 300)
    dense = (weights.values * np.float64(weights.scale)).astype(np.float32)
    from_ternary = QUANTIZERS[name].quantize(weights, "w")
    from_dense = QUANTIZERS[name].quantize(dense, "w")
    assert np.array_equal(from_ternary.codes, from_dense.codes)
    assert (from_ternary.scales is None) == (from_dense.scales is None)
    if from_dense.scales is not None:
        assert np.array_equal(from_ternary.scales, from_dense.scales)


@pytest.mark.parametrize("name", ["ternary", "absmean"])
def test_ternary_weights_are_stored_as_they_are(name):
    weights = ternary(5, 6, 33)
    quantized = QUANTIZERS[name].quantize(weights, "w")
    approximation, _ = dequantise(quantized, FORMATS["ternary"])
    assert quantized.scales.shape == (6, 1)
    assert np.array_equal(approximation, weights.values * np.float64(weights.scale))


def test_float_weights_are_refused_by_ternary_with_an_alternative():
    with pytest.raises(CompileError, match=r"lm_head: .*floating point.*'absmean'"):
        QUANTIZERS["ternary"].quantize(normal(6, 2, 3), "lm_head")


@settings(max_examples=30, deadline=None)
@given(seed=seeds, rows=st.integers(1, 40), cols=st.integers(1, 70))
def test_absmean_follows_the_paper(seed, rows, cols):
    """RoundClip(W / gamma, -1, 1) with gamma = mean|W|, one number at a time."""
    weights = normal(seed, rows, cols)
    quantized = QUANTIZERS["absmean"].quantize(weights, "w")
    gamma = sum(abs(float(w)) for w in weights.flat) / weights.size
    assert quantized.scales == pytest.approx(np.full((rows, 1), gamma), rel=1e-6)
    ratios = weights.astype(np.float64) / gamma
    expected = np.array([max(-1, min(1, round(r))) for r in ratios.flat]).reshape(rows, cols)
    decided = np.abs(np.abs(ratios) - 0.5) > 1e-5
    assert np.array_equal((quantized.codes.astype(int) - 1)[decided], expected[decided])


def test_absmean_of_tiny_weights_has_the_least_scale():
    quantized = QUANTIZERS["absmean"].quantize(np.full((2, 3), 1e-9, np.float32), "w")
    assert quantized.scales == pytest.approx(np.full((2, 1), 1e-5), rel=1e-6)
    assert (quantized.codes == 1).all()


def test_float_formats_round_once():
    weights = normal(7, 9, 11, 100)
    assert np.array_equal(QUANTIZERS["f32"].quantize(weights, "w").codes, weights)
    half = QUANTIZERS["f16"].quantize(weights, "w")
    assert (half.codes.dtype, half.scales) == (np.float16, None)
    assert np.array_equal(half.codes, weights.astype(np.float64).astype(np.float16))


def test_float16_overflow_is_refused_with_its_place():
    weights = normal(8, 6, 1 << 17)
    weights[5, 3] = -70000
    with pytest.raises(CompileError, match=r"embed: .*-70000 at row 5, column 3 .*65504.*'f32'"):
        QUANTIZERS["f16"].quantize(weights, "embed")
