"""Models of type `bitnet`: BitNet b1.58 2B4T (arXiv:2504.12285) and its relatives."""

from __future__ import annotations

from lutwerk.errors import CheckpointError
from lutwerk.frontends.architecture import Architecture
from lutwerk.frontends.bitlinear import read_bitlinear
from lutwerk.frontends.config_fields import Fields
from lutwerk.frontends.decoder import DecoderSpec
from lutwerk.frontends.decoder_config import read_activation, read_model_config, refuse_biases


def read_bitnet(config: Fields, name: str, max_context: int | None) -> Architecture:
    """Read config.json. Raises CheckpointError if a field is not valid or not supported."""
    bitlinear = read_bitlinear(config)
    if bitlinear is None:
        raise CheckpointError(
            f"{config.where}: field 'quantization_config' is missing, so it is not known whether "
            "the weights are packed or float masters; for masters, add "
            '{"quant_method": "bitnet", "linear_class": "autobitlinear", '
            '"quantization_mode": "online"}.'
        )
    refuse_biases(config, ("attention_bias",))
    model = read_model_config(config, "bitnet", name, max_context, rope_theta=500000.0)
    spec = DecoderSpec(model, read_activation(config, "relu2"), sub_norms=True)
    return Architecture(spec, bitlinear)
