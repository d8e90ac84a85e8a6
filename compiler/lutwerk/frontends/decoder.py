"""The graph of a pre-norm decoder: Llama and its relatives.

Matrix products are all ``matmul`` of float32 values here; the passes quantise activations and fuse
projections.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from lutwerk.frontends.rope import rope_source
from lutwerk.graph import LOGITS, Graph, ModelConfig, Op, Role, Source, Value, View, Weight

Activation = Literal["relu2_mul", "silu_mul"]

EMBEDDING = "model.embed_tokens.weight"
HEAD = "lm_head.weight"


@dataclass(frozen=True)
class DecoderSpec:
    """A decoder: its numbers, and which variants of the block it has.

    ``activation`` is the operation that joins gate and up. ``sub_norms`` adds an RMSNorm in front
    of the output and down projections (BitNet b1.58 2B4T report, arXiv:2504.12285, section 2).
    """

    config: ModelConfig
    activation: Activation
    sub_norms: bool


class Tensors(Protocol):
    """Where a decoder's weights come from. Each method may raise CheckpointError."""

    def linear(self, name: str, rows: int, cols: int) -> Source:
        """The matrix of a linear layer, ternary if the model's layers are."""

    def dense(self, name: str, rows: int, cols: int) -> Source:
        """The embedding or the head: always floating point."""

    def norm(self, name: str, width: int) -> Source:
        """The gains of an RMSNorm, one row."""


def build_decoder(spec: DecoderSpec, tensors: Tensors) -> Graph:
    """Build the graph. Values are named by layer and meaning, weights by their tensors."""
    return _Builder(spec, tensors).build()


class _Builder:
    def __init__(self, spec: DecoderSpec, tensors: Tensors):
        self._spec = spec
        self._config = spec.config
        self._tensors = tensors
        self._ops: list[Op] = []
        self._values: dict[str, Value] = {}
        self._weights: dict[str, Weight] = {}

    def build(self) -> Graph:
        c = self._config
        rope = rope_source(c.max_context, c.head_dim, c.rope_theta)
        self._weights["rope"] = Weight("rope", "rope", (rope,))
        embedding = self._tensors.dense(EMBEDDING, c.vocab, c.hidden)
        tied = c.tied_embeddings
        self._add_weight("head" if tied else "embedding", embedding)
        x = self._emit("embed", "embedding", c.hidden, (), EMBEDDING)
        for layer in range(c.layers):
            x = self._attention_block(layer, x)
            x = self._feed_forward_block(layer, x)

        head_begin = len(self._ops)
        x = self._rmsnorm("final_norm", x, "model.norm.weight")
        if not tied:
            self._add_weight("head", self._tensors.dense(HEAD, c.vocab, c.hidden))
        logits = View(LOGITS, 0, c.vocab)
        self._ops.append(Op("matmul", logits, (x,), EMBEDDING if tied else HEAD))
        return Graph(c, tuple(self._ops), self._values, self._weights, head_begin)

    def _attention_block(self, layer: int, x: View) -> View:
        c = self._config
        value, tensor = f"layer{layer}", f"model.layers.{layer}"
        q_width, kv_width = c.heads * c.head_dim, c.kv_heads * c.head_dim
        normed = self._rmsnorm(f"{value}.attn_norm", x, f"{tensor}.input_layernorm.weight")
        q = self._linear(f"{value}.q", normed, f"{tensor}.self_attn.q_proj.weight", q_width)
        k = self._linear(f"{value}.k", normed, f"{tensor}.self_attn.k_proj.weight", kv_width)
        v = self._linear(f"{value}.v", normed, f"{tensor}.self_attn.v_proj.weight", kv_width)
        self._ops.append(Op("rope", dst=q, weight="rope"))
        self._ops.append(Op("rope", dst=k, weight="rope"))
        self._ops.append(Op("kv_store", srcs=(k, v), layer=layer))
        scale = float(np.float32(c.head_dim**-0.5))
        attended = self._emit("attention", f"{value}.attn", q_width, (q,), layer=layer, param=scale)
        if self._spec.sub_norms:
            attended = self._rmsnorm(
                f"{value}.attn_sub_norm", attended, f"{tensor}.self_attn.attn_sub_norm.weight"
            )
        out = self._linear(f"{value}.o", attended, f"{tensor}.self_attn.o_proj.weight", c.hidden)
        return self._emit("add", f"{value}.attn_residual", c.hidden, (x, out))

    def _feed_forward_block(self, layer: int, x: View) -> View:
        c = self._config
        value, tensor = f"layer{layer}", f"model.layers.{layer}"
        normed = self._rmsnorm(f"{value}.ffn_norm", x, f"{tensor}.post_attention_layernorm.weight")
        gate = self._linear(
            f"{value}.gate", normed, f"{tensor}.mlp.gate_proj.weight", c.intermediate
        )
        up = self._linear(f"{value}.up", normed, f"{tensor}.mlp.up_proj.weight", c.intermediate)
        joined = self._emit(self._spec.activation, f"{value}.ffn", c.intermediate, (gate, up))
        if self._spec.sub_norms:
            joined = self._rmsnorm(
                f"{value}.ffn_sub_norm", joined, f"{tensor}.mlp.ffn_sub_norm.weight"
            )
        down = self._linear(f"{value}.down", joined, f"{tensor}.mlp.down_proj.weight", c.hidden)
        return self._emit("add", f"{value}.ffn_residual", c.hidden, (x, down))

    def _linear(self, name: str, x: View, tensor: str, rows: int) -> View:
        self._add_weight("linear", self._tensors.linear(tensor, rows, x.width))
        return self._emit("matmul", name, rows, (x,), tensor)

    def _rmsnorm(self, name: str, x: View, tensor: str) -> View:
        self._add_weight("norm", self._tensors.norm(tensor, x.width))
        eps = float(np.float32(self._config.rms_eps))
        return self._emit("rmsnorm", name, x.width, (x,), tensor, param=eps)

    def _add_weight(self, role: Role, source: Source) -> None:
        self._weights[source.name] = Weight(source.name, role, (source,))

    def _emit(
        self,
        kind: str,
        name: str,
        width: int,
        srcs: tuple[View, ...],
        weight: str | None = None,
        layer: int = 0,
        param: float = 0.0,
    ) -> View:
        """Append an operation that writes a new value, and return the whole of it."""
        self._values[name] = Value(name, width)
        view = View(name, 0, width)
        self._ops.append(Op(kind, view, srcs, weight, layer, param))
        return view
