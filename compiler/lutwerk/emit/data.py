"""The bytes of DATA: quantise and pack one weight at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lutwerk import layouts, split
from lutwerk.defs import FORMATS, LAYOUTS, Format, Layout
from lutwerk.graph import Weight
from lutwerk.quantize import QUANTIZERS

Bytes = NDArray[np.uint8]

#: Rows packed at once; bounds the temporary memory of a large matrix.
BLOCK_ROWS = 4096


def weight_bytes(weight: Weight) -> tuple[Iterator[Bytes], Bytes]:
    """Packed codes, in pieces that follow each other, and packed scales of a weight, zero points included."""
    fmt, layout = FORMATS[weight.format or ""], LAYOUTS[weight.layout or ""]
    quantizer = QUANTIZERS[weight.quantizer or ""]
    codes, scales, zeros = [], [], []
    for source in weight.sources:
        quantized = quantizer.quantize(source.load(), source.name)
        codes.append(quantized.codes)
        scales.append(quantized.scales)
        zeros.append(quantized.zeros)
        del quantized
    stacked = np.concatenate(codes) if len(codes) > 1 else codes[0]
    del codes
    if fmt.is_float:
        kind = "<f4" if fmt.bits == 32 else "<f2"
        raw = np.ascontiguousarray(stacked, kind).reshape(-1).view(np.uint8)
        return iter((raw,)), np.zeros(0, np.uint8)
    stacked_scales = np.concatenate([s for s in scales if s is not None])
    stacked_zeros = np.concatenate([z for z in zeros if z is not None]) if fmt.has_zeros else None
    packed_scales = layouts.pack_scales(stacked_scales, stacked_zeros, fmt, layout)
    integers = stacked.astype(np.uint8, copy=False)
    if layout.name == "split":
        return split.pack(integers, split.draw_dither(integers, stacked_scales)), packed_scales
    return _pack_blocks(integers, fmt, layout), packed_scales


def _pack_blocks(codes: Bytes, fmt: Format, layout: Layout) -> Iterator[Bytes]:
    """Row tiles are outermost in every layout of tiles, so blocks of whole tiles follow each other."""
    for begin in range(0, codes.shape[0], BLOCK_ROWS):
        yield layouts.pack(codes[begin : begin + BLOCK_ROWS], fmt, layout)
