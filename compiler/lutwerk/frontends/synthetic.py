"""Models of published shapes with random weights: for speed and memory, not for text.

Each tensor is drawn from a generator seeded with the seed and the tensor's name, so the order of
reading does not matter. Scales keep the variance of activations near 1 through every layer, as in
trained models.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from lutwerk.errors import CheckpointError
from lutwerk.frontends.checkpoint import Checkpoint, default_quantizers
from lutwerk.frontends.decoder import Activation, DecoderSpec, build_decoder
from lutwerk.frontends.decoder_config import choose_context
from lutwerk.graph import F32, ModelConfig, Source, Ternary

PREFIX = "synthetic:"


@dataclass(frozen=True)
class Shape:
    """A published shape. Ternary models have sub-norms; ``tied`` ones use the embedding as head."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    vocab: int
    context: int
    rope_theta: float
    activation: Activation
    ternary: bool = True
    tied: bool = True


#: bitnet-0.73B and bitnet-3B have the shapes of 1bitLLM/bitnet_b1_58-large and -3B (the first is
#: the model of TeLLMe, arXiv:2510.15926). Their blocks are taken to be those of BitNet b1.58 2B4T,
#: sub-norms included, but with SiLU; the head is tied, which is what makes 0.73 billion parameters
#: of the first. llama-3.2-1b comes without its scaling of rotary embeddings, which changes no shape
#: and no cost.
SHAPES: dict[str, Shape] = {
    "bitnet-b1.58-2B-4T": Shape(30, 2560, 6912, 20, 5, 128256, 4096, 5e5, "relu2_mul"),
    "bitnet-0.73B": Shape(24, 1536, 4096, 16, 16, 32002, 2048, 1e4, "silu_mul"),
    "bitnet-3B": Shape(26, 3200, 8640, 32, 32, 32002, 2048, 1e4, "silu_mul"),
    "llama-2-7b": Shape(
        32, 4096, 11008, 32, 32, 32000, 4096, 1e4, "silu_mul", ternary=False, tied=False
    ),
    "llama-3.2-1b": Shape(16, 2048, 8192, 32, 8, 128256, 131072, 5e5, "silu_mul", ternary=False),
}


def read_synthetic(name: str, max_context: int | None, seed: int) -> Checkpoint:
    """Make a model of :data:`SHAPES`, without tokenizer. Raises CheckpointError for other names."""
    shape = SHAPES.get(name)
    if shape is None:
        raise CheckpointError(
            f"{PREFIX}{name}: no such synthetic model; accepted: {', '.join(SHAPES)}."
        )
    config = ModelConfig(
        architecture="bitnet" if shape.ternary else "llama",
        name=f"synthetic-{name}",
        vocab=shape.vocab,
        hidden=shape.hidden,
        intermediate=shape.intermediate,
        layers=shape.layers,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        head_dim=shape.hidden // shape.heads,
        max_context=choose_context(shape.context, max_context, PREFIX + name),
        rope_theta=shape.rope_theta,
        rms_eps=1e-5,
        tied_embeddings=shape.tied,
    )
    spec = DecoderSpec(config, shape.activation, sub_norms=shape.ternary)
    graph = build_decoder(spec, _RandomTensors(seed, shape.ternary))
    return Checkpoint(graph, None, default_quantizers(shape.ternary))


class _RandomTensors:
    """See :class:`lutwerk.frontends.decoder.Tensors`."""

    def __init__(self, seed: int, ternary: bool):
        self._seed = seed
        self._ternary = ternary

    def linear(self, name: str, rows: int, cols: int) -> Source:
        if not self._ternary:
            return self.dense(name, rows, cols)

        def load() -> Ternary:
            values = self._generator(name).integers(-1, 2, (rows, cols), dtype=np.int8)
            # Values of {-1, 0, 1} have variance 2/3, so sums over a row have variance 1 with this
            # scale.
            return Ternary(values, np.float32((1.5 / cols) ** 0.5))

        return Source(name, rows, cols, load, ternary=True)

    def dense(self, name: str, rows: int, cols: int) -> Source:
        """Uniform numbers of variance ``1 / cols``: drawn several times faster than normal ones."""

        def load() -> F32:
            generator = self._generator(name)
            numbers = np.empty((rows, cols), dtype=np.float32)
            for row in numbers:
                generator.random(out=row, dtype=np.float32)
                row -= np.float32(0.5)
                row *= np.float32((12 / cols) ** 0.5)
            return numbers

        return Source(name, rows, cols, load)

    def norm(self, name: str, width: int) -> Source:
        def load() -> F32:
            spread = self._generator(name).random((1, width), dtype=np.float32)
            return np.float32(0.75) + np.float32(0.5) * spread

        return Source(name, 1, width, load)

    def _generator(self, name: str) -> np.random.Generator:
        digest = hashlib.sha256(f"{self._seed}:{name}".encode()).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
