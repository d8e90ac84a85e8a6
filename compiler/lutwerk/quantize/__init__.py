"""Quantisers by the name a user types. A new one is a file beside this one and a line below."""

from __future__ import annotations

from lutwerk.defs import FORMATS
from lutwerk.quantize.absmean import AbsmeanQuantizer
from lutwerk.quantize.base import Quantized, Quantizer
from lutwerk.quantize.binary import BinaryQuantizer
from lutwerk.quantize.floating import Float16Quantizer, Float32Quantizer
from lutwerk.quantize.int57 import Int57Quantizer
from lutwerk.quantize.round_to_nearest import RoundToNearest
from lutwerk.quantize.ternary import TernaryQuantizer
from lutwerk.quantize.zero_points import ZeroPoints

__all__ = ["QUANTIZERS", "Quantized", "Quantizer"]

_ALL: tuple[Quantizer, ...] = (
    TernaryQuantizer(),
    AbsmeanQuantizer(),
    *(RoundToNearest(f) for f in FORMATS.values() if f.codebook == "INT"),
    *(ZeroPoints(f) for f in FORMATS.values() if f.codebook == "UINT"),
    *(BinaryQuantizer(f) for f in FORMATS.values() if f.codebook == "BINARY"),
    *(Int57Quantizer(f) for f in FORMATS.values() if f.codebook == "INT57"),
    Float16Quantizer(),
    Float32Quantizer(),
)

QUANTIZERS: dict[str, Quantizer] = {quantizer.name: quantizer for quantizer in _ALL}
