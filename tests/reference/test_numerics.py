"""The reference operations against definitions in float64, and against the letter of the contract where bits matter."""

import numpy as np
import pytest

from lutwerk.graph import KV_TYPES
from lutwerk.reference import numerics


def rng(seed=0):
    return np.random.default_rng(seed)


def test_exp_is_accurate_over_its_range():
    x = np.linspace(-87, 88, 2_000_001).astype(np.float32)
    error = np.abs(numerics.exp(x).astype(np.float64) / np.exp(x.astype(np.float64)) - 1)
    assert error.max() < 1.2e-7
    assert numerics.exp(np.zeros(1, np.float32))[0] == 1


def test_exp_clamps_and_maps_nan_to_the_lower_end():
    x = np.array([-np.inf, -1000, np.nan, np.inf, 1000], np.float32)
    with np.errstate(invalid="ignore"):
        low, _, nan, high, _ = numerics.exp(x)
    assert low == nan == numerics.exp(np.array([-87], np.float32))[0]
    assert high == numerics.exp(np.array([88], np.float32))[0]


@pytest.mark.parametrize("n", [1, 15, 16, 17, 31, 100])
def test_fold_follows_the_tree(n):
    terms = rng(n).standard_normal(n).astype(np.float32)
    lanes = [np.float32(0)] * 16
    for i, term in enumerate(terms):
        lanes[i % 16] = lanes[i % 16] + term
    for half in (8, 4, 2, 1):
        lanes = [lanes[j] + lanes[j + half] for j in range(half)]
    assert numerics.fold(terms) == lanes[0]


def test_quantize_rounds_half_to_even_and_saturates():
    x = np.array([[127.0, 0.5, 1.5, -2.5, -127.0], [0, 0, 0, 0, 0]], np.float32)
    codes, scales = numerics.quantize(x)
    assert codes.tolist() == [[127, 0, 2, -2, -127], [0] * 5]
    assert scales[0] == 1
    assert scales[1] == np.float32(1e-5) / np.float32(127)


@pytest.mark.parametrize(("group", "cols"), [(0, 77), (32, 77), (64, 64), (128, 300)])
def test_matmul_equals_the_dequantised_product(group, cols):
    r = rng(cols)
    groups = -(-cols // group) if group else 1
    values = r.integers(-128, 128, (9, cols)).astype(np.int16)
    scales = r.random((9, groups)).astype(np.float32)
    codes = r.integers(-127, 128, (3, cols)).astype(np.int8)
    x_scales = r.random(3).astype(np.float32)
    dense = values * np.repeat(scales.astype(np.float64), group or cols, axis=1)[:, :cols]
    expected = (codes.astype(np.float64) @ dense.T) * x_scales[:, None].astype(np.float64)
    got = numerics.matmul(values, scales, group, codes, x_scales)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-3)


def test_matmul_is_exact_where_float32_sums_would_round():
    cols = 16384
    values = np.full((1, cols), 127, np.int16)
    codes = np.full((1, cols), 127, np.int8)
    codes[0, 0] = 126
    one = np.ones(1, np.float32)
    got = numerics.matmul(values, one[None], 0, codes, one)
    assert got[0, 0] == np.float32(127 * (127 * cols - 1))


def test_rmsnorm_matches_float64():
    x, w = rng(1).standard_normal((2, 4, 99)).astype(np.float32)
    exact = x / np.sqrt((x.astype(np.float64) ** 2).mean(-1, keepdims=True) + 1e-5) * w
    got = numerics.rmsnorm(x, w, np.float32(1e-5))
    np.testing.assert_allclose(got, exact, rtol=2e-6, atol=1e-7)


def dequantized(cache):
    scales = 1 if cache.scales is None else cache.scales[..., None]
    return cache.elements.astype(np.float64) * scales


@pytest.mark.parametrize("kv_type", range(len(KV_TYPES)), ids=KV_TYPES)
def test_attention_matches_float64_softmax(kv_type):
    r = rng(2)
    tokens, heads, kv_heads, dim, start = 5, 6, 2, 10, 3
    q = r.standard_normal((tokens, heads, dim)).astype(np.float32)
    given = r.standard_normal((2, start + tokens, kv_heads, dim)).astype(np.float32)
    empty = numerics.EMPTY_CACHES[kv_type](kv_heads, dim)
    k, v = (empty.append(x[:start]).append(x[start:]) for x in given)
    np.testing.assert_allclose(dequantized(k), given[0], atol=(1e-3, 2e-2)[kv_type])
    got = numerics.attention(q, k, v, np.float32(0.3), start)
    for t in range(tokens):
        for h in range(heads):
            keys = dequantized(k)[: start + t + 1, h // 3]
            vals = dequantized(v)[: start + t + 1, h // 3]
            p = np.exp(keys @ q[t, h].astype(np.float64) * 0.3)
            np.testing.assert_allclose(got[t, h], p @ vals / p.sum(), rtol=1e-5, atol=1e-6)


def test_rope_rotates_pairs():
    angle = rng(3).random(4)
    table = np.concatenate([np.cos(angle), np.sin(angle)]).astype(np.float32)[None]
    x = rng(4).standard_normal((1, 16)).astype(np.float32)
    got = numerics.rope(x, table, 8).reshape(2, 8)
    for head, out in zip(x.reshape(2, 8), got, strict=True):
        rotated = (head[:4] + 1j * head[4:]) * np.exp(1j * angle)
        np.testing.assert_allclose(out, [*rotated.real, *rotated.imag], rtol=1e-5, atol=1e-6)


def test_gates():
    gate = np.array([-2.0, -0.0, 3.0, np.nan], np.float32)
    up = np.full(4, 2, np.float32)
    with np.errstate(invalid="ignore"):
        assert numerics.relu2_mul(gate, up).tolist() == [0, 0, 18, 0]
    exact = gate[:3] / (1 + np.exp(-gate[:3].astype(np.float64))) * 2
    np.testing.assert_allclose(numerics.silu_mul(gate[:3], up[:3]), exact, rtol=1e-6)
