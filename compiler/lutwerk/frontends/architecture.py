"""What a reader of one model type returns."""

from __future__ import annotations

from dataclasses import dataclass

from lutwerk.frontends.bitlinear import BitLinear
from lutwerk.frontends.decoder import DecoderSpec


@dataclass(frozen=True)
class Architecture:
    """A decoder and, if its linear layers are ternary, how they are stored."""

    decoder: DecoderSpec
    bitlinear: BitLinear | None
