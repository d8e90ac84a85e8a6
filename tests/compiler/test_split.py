"""Layout split: the packer against the formulas, and the dither that its proof rests on."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwerk import split
from lutwerk.defs import FORMATS, LAYOUTS
from lutwerk.layouts import code_bytes

FORMAT, LAYOUT = FORMATS["i57g64"], LAYOUTS["split"]


def random_matrix(seed, rows, cols):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, FORMAT.max_code + 1, (rows, cols), dtype=np.uint8)
    scales = rng.standard_normal((rows, FORMAT.groups(cols))).astype(np.float16)
    return codes, scales.astype(np.float32)


def packed_bytes(codes, dither):
    return np.concatenate(list(split.pack(codes, dither)))


def read_by_formula(packed, rows, cols, n, k):
    pieces = split.locate(rows, cols, n, k)
    value = sum(
        (int(packed[byte]) >> bit & (1 << width) - 1) << low for byte, bit, width, low in pieces
    )
    dither = packed[split.high_bytes(rows, cols) + rows * split.low_stride(cols) :]
    return value - int(dither[k])


@settings(max_examples=40, deadline=None)
@given(data=st.data(), rows=st.integers(1, 140), cols=st.integers(1, 200))
def test_pack_follows_the_formula(data, rows, cols):
    codes, scales = random_matrix(data.draw(st.integers(0, 2**32 - 1)), rows, cols)
    packed = packed_bytes(codes, split.draw_dither(codes, scales))
    assert packed.size == code_bytes(FORMAT, LAYOUT, rows, cols)
    n, k = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, cols - 1))
    for row, col in ((n, k), (rows - 1, cols - 1), (0, 0)):
        assert read_by_formula(packed, rows, cols, row, col) == codes[row, col]
    begin = data.draw(st.integers(0, (rows - 1) // 16)) * 16
    block = range(begin, data.draw(st.integers(begin + 1, rows)))
    np.testing.assert_array_equal(
        split.unpack(packed, rows, cols, block), codes[begin : block.stop]
    )


def test_every_code_has_its_own_bits():
    rows, cols = 17, 97
    seen = set()
    for n in range(rows):
        for k in range(cols):
            pieces = split.locate(rows, cols, n, k)
            assert sorted(
                i for _, _, width, low in pieces for i in range(low, low + width)
            ) == list(range(6))
            for byte, bit, width, low in pieces:
                end = split.high_bytes(rows, cols)
                assert byte < end if low >= 3 else end <= byte < end + rows * split.low_stride(cols)
                bits = {(byte, bit + i) for i in range(width)}
                assert not bits & seen
                seen |= bits


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (17, 33), (16, 64), (3, 130)])
def test_padding_is_the_value_zero(rows, cols):
    codes, scales = random_matrix(1, rows, cols)
    dither = split.draw_dither(codes, scales)
    packed = packed_bytes(codes, dither)
    padded_rows, padded_cols = -(-rows // 16) * 16, -(-cols // 32) * 32
    whole = np.full((padded_rows, padded_cols), FORMAT.offset, np.uint8)
    whole[:rows, :cols] = codes
    again = packed_bytes(whole, dither)
    high = split.high_bytes(rows, cols)
    np.testing.assert_array_equal(packed[:high], again[:high])
    wide = np.full((rows, -(-cols // 64) * 64), FORMAT.offset, np.uint8)
    wide[:, :cols] = codes
    low = rows * split.low_stride(cols)
    np.testing.assert_array_equal(
        packed[high : high + low], packed_bytes(wide, dither)[-low - dither.size : -dither.size]
    )
    used = -(-cols // 64) * 24
    assert not packed[high : high + low].reshape(rows, -1)[:, used:].any()


def test_parts_start_at_multiples_of_64():
    for rows, cols in ((1, 1), (5, 63), (33, 65), (16, 2560)):
        assert split.high_bytes(rows, cols) % 64 == 0
        assert split.low_stride(cols) % 64 == 0


def test_packing_in_blocks_is_packing_at_once(monkeypatch):
    codes, scales = random_matrix(2, 100, 70)
    dither = split.draw_dither(codes, scales)
    whole = packed_bytes(codes, dither)
    monkeypatch.setattr(split, "_BLOCK_ROWS", 32)
    np.testing.assert_array_equal(packed_bytes(codes, dither), whole)


def test_the_dither_follows_its_definition():
    """FORMAT.md: SHA-256 in counter mode over a digest of the matrix, three bits of each byte."""
    codes, scales = random_matrix(3, 5, 70)
    content = b"lutwerk head dither 1" + bytes([5, 0, 0, 0, 70, 0, 0, 0])
    content += codes.tobytes() + scales.astype("<f2").tobytes()
    digest = hashlib.sha256(content).digest()
    stream = b"".join(
        hashlib.sha256(digest + bytes([i, 0, 0, 0, 0, 0, 0, 0])).digest() for i in range(4)
    )
    assert split.draw_dither(codes, scales).tolist() == [byte % 8 for byte in stream]


def test_the_dither_depends_on_every_code_and_scale():
    codes, scales = random_matrix(4, 20, 640)
    first = split.draw_dither(codes, scales)
    assert first.size == 640
    codes[7, 5] ^= 1
    second = split.draw_dither(codes, scales)
    scales[19, 9] *= 2
    third = split.draw_dither(codes, scales)
    for a, b in ((first, second), (second, third), (first, third)):
        assert 0.8 < (a != b).mean() < 0.95
    counts = np.bincount(np.concatenate([first, second, third]), minlength=8)
    assert counts.size == 8
    assert counts.min() > 150


@pytest.mark.parametrize("value", range(-30, 27))
def test_low_bits_are_uniform_over_the_dither_for_every_value(value):
    stored = value + 30 + np.arange(8)
    assert stored.min() >= 0
    assert stored.max() < 64
    assert sorted(stored % 8) == list(range(8))
