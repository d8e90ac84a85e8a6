"""What every frontend returns."""

from __future__ import annotations

from dataclasses import dataclass

from lutwerk.frontends.tokenizer_data import TokenizerData
from lutwerk.graph import Graph, Role


@dataclass(frozen=True)
class Checkpoint:
    """A model that was read.

    ``tokenizer`` is None for synthetic models. ``default_quantizers`` holds, for each role, the
    name in ``lutwerk.quantize.QUANTIZERS`` that suits the weights.
    """

    graph: Graph
    tokenizer: TokenizerData | None
    default_quantizers: dict[Role, str]


def default_quantizers(ternary: bool) -> dict[Role, str]:
    """Quantisers for a model of ternary or of float linear layers.

    The head costs a pass over ``vocab * hidden`` weights for each token, so it gets 6 bits, the
    width at which the field's Q6_K heads are taken to be lossless. An embedding of its own is only
    looked up: size matters, speed does not.
    """
    return {
        "linear": "ternary" if ternary else "i4g32",
        "head": "i6g64",
        "embedding": "i8g64",
        "norm": "f32",
        "rope": "f32",
    }
