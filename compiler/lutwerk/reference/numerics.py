"""Every operation in NumPy, in the order of runtime/FORMAT.md, "Numerics". All floats are binary32.

Written for clarity: each function is the definition that kernels must equal bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

LANES = 16

# The constants of kernels/exp.h.
EXP_MIN = np.float32(-87.0)
EXP_MAX = np.float32(88.0)
EXP_LOG2E = np.float32(1.44269504)
EXP_LN2_HI = np.float32(0.693359375)
EXP_LN2_LO = np.float32(float.fromhex("-0x1.bd0106p-13"))
EXP_C = [
    np.float32(float.fromhex(c))
    for c in (
        "0x1p0",
        "0x1p0",
        "0x1.fffffap-2",
        "0x1.5553cap-3",
        "0x1.55591ep-5",
        "0x1.1289e8p-7",
        "0x1.6aad96p-10",
    )
]


def maximum(a: F32, b: F32 | np.float32) -> F32:
    """``a > b ? a : b``: a NaN in ``a`` gives ``b``."""
    return np.where(a > b, a, b)


def minimum(a: F32, b: F32 | np.float32) -> F32:
    """``a < b ? a : b``."""
    return np.where(a < b, a, b)


def fold(terms: F32) -> F32:
    """Sum over the last axis in 16 virtual lanes and a fixed tree."""
    n = terms.shape[-1]
    padded = np.zeros((*terms.shape[:-1], -(-n // LANES) * LANES), np.float32)
    padded[..., :n] = terms
    lanes = np.zeros((*terms.shape[:-1], LANES), np.float32)
    for i in range(0, padded.shape[-1], LANES):
        lanes = lanes + padded[..., i : i + LANES]
    for half in (8, 4, 2, 1):
        lanes = lanes[..., :half] + lanes[..., half:]
    return np.asarray(lanes[..., 0])


def exp(x: F32) -> F32:
    """Exponential function by a degree-6 polynomial; relative error below 1.2e-7."""
    x = minimum(maximum(x, EXP_MIN), EXP_MAX)
    n = np.rint(x * EXP_LOG2E)
    r = (x - n * EXP_LN2_HI) - n * EXP_LN2_LO
    p = np.full_like(r, EXP_C[6])
    for c in EXP_C[5::-1]:
        p = p * r + c
    bits = p.view(np.int32) + (n.astype(np.int32) << 23)
    return np.asarray(bits.view(np.float32))


def quantize(x: F32) -> tuple[NDArray[np.int8], F32]:
    """int8 codes [tokens, n] and scales [tokens]: absmax per token (BitNet b1.58, arXiv 2402.17764, section 2)."""
    magnitude = np.abs(x)
    top = np.fmax(magnitude, np.float32(1e-5)).max(axis=-1)
    inverse = np.float32(127.0) / top
    scaled = x * inverse[..., None]
    limit = np.float32(127.0)
    codes = np.rint(minimum(maximum(scaled, -limit), limit)).astype(np.int8)
    return codes, top / np.float32(127.0)


def matmul(
    values: NDArray[np.int16], scales: F32, group: int, codes: NDArray[np.int8], x_scales: F32
) -> F32:
    """Y [tokens, rows] of integer weights ``values`` [rows, cols] with ``scales`` [rows, groups].

    The integer sums are taken by a float product that is exact: every partial sum stays below 2^24 in binary32, or
    below 2^53 in binary64.
    """
    cols = values.shape[1]
    step = group or cols
    bound = step * 127 * int(np.abs(values).max(initial=1))
    exact = np.dtype(np.float32 if bound < 1 << 24 else np.float64)
    w: NDArray[np.floating] = values.astype(exact)
    x: NDArray[np.floating] = codes.astype(exact)
    acc = np.zeros((codes.shape[0], values.shape[0]), np.float32)
    for g, begin in enumerate(range(0, cols, step)):
        columns = slice(begin, begin + step)
        sums = (x[:, columns] @ w[:, columns].T).astype(np.float32)
        acc = acc + scales[:, g] * sums
    return acc * x_scales[:, None]


def matmul_float(w: F32, x: F32) -> F32:
    """Y [tokens, rows] of float weights [rows, cols]."""
    return np.stack([fold(w * token) for token in x])


def rmsnorm(x: F32, w: F32, eps: np.float32) -> F32:
    """Root mean square norm (arXiv 1910.07467, eq. 4)."""
    mean = fold(x * x) / np.float32(x.shape[-1])
    r = np.float32(1.0) / np.sqrt(mean + eps)
    return np.asarray((x * r[..., None]) * w)


def rope(x: F32, cos_sin: F32, head_dim: int) -> F32:
    """Rotate [tokens, heads * head_dim] by tables [tokens, head_dim] (arXiv 2104.09864, eq. 34, half-split)."""
    heads = x.reshape(x.shape[0], -1, head_dim)
    half = head_dim // 2
    cos, sin = cos_sin[:, None, :half], cos_sin[:, None, half:]
    a, b = heads[..., :half], heads[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1).reshape(x.shape)


@dataclass(frozen=True)
class KvCache:
    """Keys or values of some positions: elements [positions, kv_heads, head_dim].

    float16 without scales, or int8 with float32 scales [positions, kv_heads].
    """

    elements: NDArray[np.float16] | NDArray[np.int8]
    scales: F32 | None

    @classmethod
    def empty_f16(cls, kv_heads: int, head_dim: int) -> KvCache:
        """No positions, as float16."""
        return cls(np.zeros((0, kv_heads, head_dim), np.float16), None)

    @classmethod
    def empty_q8(cls, kv_heads: int, head_dim: int) -> KvCache:
        """No positions, as int8."""
        scales = np.zeros((0, kv_heads), np.float32)
        return cls(np.zeros((0, kv_heads, head_dim), np.int8), scales)

    def append(self, x: F32) -> KvCache:
        """The cache with float32 ``x`` [tokens, kv_heads, head_dim] after it."""
        if self.scales is None:
            with np.errstate(over="ignore"):
                halves = x.astype(np.float16)
            return KvCache(np.concatenate([self.elements, halves]), None)
        codes, scales = quantize(x)
        return KvCache(
            np.concatenate([self.elements, codes]), np.concatenate([self.scales, scales])
        )


#: By kv_type of CONF.
EMPTY_CACHES = (KvCache.empty_f16, KvCache.empty_q8)


def attention(q: F32, k: KvCache, v: KvCache, scale: np.float32, start: int) -> F32:
    """Causal attention of tokens at positions start, start + 1, ...

    q: [tokens, heads, head_dim]. Returns [tokens, heads, head_dim].
    """
    tokens, heads, _ = q.shape
    positions, kv_heads, _ = k.elements.shape
    repeat = heads // kv_heads
    keys = np.repeat(k.elements.astype(np.float32), repeat, axis=1)
    vals = np.repeat(v.elements.astype(np.float32), repeat, axis=1)
    k_scales, v_scales = (
        None if cache.scales is None else np.repeat(cache.scales, repeat, axis=1).T
        for cache in (k, v)
    )
    out = np.zeros_like(q)
    weights = np.zeros((tokens, heads, positions), np.float32)
    totals = np.zeros((tokens, heads), np.float32)
    for t in range(tokens):
        seen = start + t + 1
        scores = fold(q[t][:, None, :] * keys[:seen].transpose(1, 0, 2)) * scale
        if k_scales is not None:
            scores = scores * k_scales[:, :seen]
        top = np.fmax.reduce(scores, axis=1, initial=np.float32(-np.inf))
        e = exp(scores - top[:, None])
        totals[t] = fold(e)
        weights[t, :, :seen] = e if v_scales is None else e * v_scales[:, :seen]
    for p in range(positions):
        first = max(p - start, 0)  # earlier tokens do not see position p
        out[first:] = out[first:] + weights[first:, :, p, None] * vals[p]
    return out * (np.float32(1.0) / totals)[..., None]


def relu2_mul(gate: F32, up: F32) -> F32:
    """Squared ReLU gate (BitNet b1.58 2B4T, arXiv 2504.12285, section 2)."""
    g = maximum(gate, np.float32(0.0))
    return (g * g) * up


def silu_mul(gate: F32, up: F32) -> F32:
    """SiLU gate (SwiGLU, arXiv 2002.05202)."""
    return (gate / (np.float32(1.0) + exp(np.float32(0.0) - gate))) * up
