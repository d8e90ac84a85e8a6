"""The packer against the layout formulas, on every format and layout of tiles; test_split.py has the other one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lutwerk import layouts
from lutwerk.defs import FORMATS, LAYOUTS

PAIRS = [
    (fmt, LAYOUTS[name])
    for fmt in FORMATS.values()
    if not fmt.is_float
    for name in layouts.compatible(fmt)
    if name != "split"
]

#: One of each width and offset, which decide where codes lie and what pads them.
CODES = list(
    {(fmt.bits, fmt.offset, fmt.max_code, layout): (fmt, layout) for fmt, layout in PAIRS}.values()
)


def read_by_formula(packed, layout, fmt, cols, n, k):
    value = 0
    for byte, bit, width, low in layouts.locate(layout, fmt.bits, cols, n, k):
        if layout.name == "base3":
            value = int(packed[byte]) // 3**bit % 3
        else:
            value |= (int(packed[byte]) >> bit & ((1 << width) - 1)) << low
    return value


@pytest.mark.parametrize(("fmt", "layout"), CODES, ids=lambda x: x.name)
@settings(max_examples=12, deadline=None)
@given(data=st.data(), rows=st.integers(1, 140), cols=st.integers(1, 90))
def test_pack_follows_the_formula(fmt, layout, data, rows, cols):
    seed = data.draw(st.integers(0, 2**32 - 1))
    codes = np.random.default_rng(seed).integers(0, fmt.max_code + 1, (rows, cols), dtype=np.uint8)
    packed = layouts.pack(codes, fmt, layout)
    assert packed.size == layouts.code_bytes(fmt, layout, rows, cols)
    n, k = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, cols - 1))
    for row, col in ((n, k), (rows - 1, cols - 1), (0, 0)):
        assert read_by_formula(packed, layout, fmt, cols, row, col) == codes[row, col]
    np.testing.assert_array_equal(layouts.unpack(packed, fmt, layout, rows, cols), codes)


@pytest.mark.parametrize(("fmt", "layout"), CODES, ids=lambda x: x.name)
def test_every_code_has_its_own_bits(fmt, layout):
    """Walk a small matrix that crosses tiles: no two codes share a bit, and none lies outside."""
    rows, cols = layout.tile_rows + 1, layout.tile_cols + 1
    seen = set()
    for n in range(rows):
        for k in range(cols):
            for byte, bit, width, _ in layouts.locate(layout, fmt.bits, cols, n, k):
                assert byte < layouts.code_bytes(fmt, layout, rows, cols)
                bits = (
                    {(byte, bit)}
                    if layout.name == "base3"
                    else {(byte, bit + i) for i in range(width)}
                )
                assert not bits & seen
                seen |= bits


@pytest.mark.parametrize(("fmt", "layout"), PAIRS, ids=lambda x: x.name)
def test_scales_round_trip(fmt, layout):
    rows, cols = layout.tile_rows + 3, 161
    rng = np.random.default_rng(1)
    scales = rng.random((rows, fmt.groups(cols))).astype(np.float16).astype(np.float32)
    zeros = rng.integers(0, fmt.max_code + 1, scales.shape, dtype=np.uint8)
    packed = layouts.pack_scales(scales, zeros if fmt.has_zeros else None, fmt, layout)
    assert packed.size == layouts.scale_bytes(fmt, layout, rows, cols)
    for block in (range(rows), range(layout.tile_rows, rows), range(layout.tile_rows)):
        back, back_zeros = layouts.unpack_scales(packed, fmt, layout, rows, cols, block)
        np.testing.assert_array_equal(back, scales[block.start : block.stop])
        if fmt.has_zeros:
            np.testing.assert_array_equal(back_zeros, zeros[block.start : block.stop])
        else:
            assert back_zeros is None


def test_zero_points_lie_behind_the_scales():
    """The address written out: float16 scales, then from a multiple of 64 on a byte each, in the same order."""
    fmt, layout = FORMATS["u4g32"], LAYOUTS["fields"]
    rows, groups = 40, 3
    zeros = np.random.default_rng(2).integers(0, 16, (rows, groups), dtype=np.uint8)
    packed = layouts.pack_scales(np.ones((rows, groups), np.float32), zeros, fmt, layout)
    begin = 2 * 48 * groups + 32
    assert begin % 64 == 0
    assert packed.size == begin + 48 * groups
    assert not packed[begin - 32 : begin].any()
    for n in range(48):
        for g in range(groups):
            at = begin + (n // 16 * groups + g) * 16 + n % 16
            assert packed[at] == (zeros[n, g] if n < rows else 0)


def test_padding_is_the_zero_point():
    for fmt, layout in CODES:
        codes = np.zeros((1, 1), np.uint8)
        packed = layouts.pack(codes, fmt, layout)
        whole = layouts.unpack(packed, fmt, layout, layout.tile_rows, layout.tile_cols)
        assert whole[0, 0] == 0
        assert set(whole.reshape(-1)[1:]) == {fmt.offset}
