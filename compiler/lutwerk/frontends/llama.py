"""Models of type `llama`, float or ternary (Llama3-8B-1.58, Falcon3-1.58bit)."""

from __future__ import annotations

from lutwerk.frontends.architecture import Architecture
from lutwerk.frontends.bitlinear import read_bitlinear
from lutwerk.frontends.config_fields import Fields
from lutwerk.frontends.decoder import DecoderSpec
from lutwerk.frontends.decoder_config import read_activation, read_model_config, refuse_biases


def read_llama(config: Fields, name: str, max_context: int | None) -> Architecture:
    """Read config.json. Raises CheckpointError if a field is not valid or not supported."""
    refuse_biases(config, ("attention_bias", "mlp_bias"))
    model = read_model_config(config, "llama", name, max_context, rope_theta=10000.0)
    spec = DecoderSpec(model, read_activation(config, "silu"), sub_norms=False)
    return Architecture(spec, read_bitlinear(config))
