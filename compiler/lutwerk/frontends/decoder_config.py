"""The fields of config.json that all decoders of the Llama family share."""

from __future__ import annotations

from lutwerk.errors import CheckpointError
from lutwerk.frontends.config_fields import Fields
from lutwerk.frontends.decoder import Activation
from lutwerk.frontends.rope import read_rope_theta
from lutwerk.graph import ModelConfig

#: Longest context of a bundle unless the user asks for another: the cache is sized for it.
DEFAULT_CONTEXT = 4096

_ACTIVATIONS: dict[str, Activation] = {"relu2": "relu2_mul", "silu": "silu_mul"}


def read_model_config(
    config: Fields, architecture: str, name: str, max_context: int | None, rope_theta: float
) -> ModelConfig:
    """Read and check the numbers of a decoder; the ranges are those of runtime/FORMAT.md.

    Args:
        config: The model's config.json.
        architecture: What the bundle calls this kind of model.
        name: What the bundle calls this model.
        max_context: Tokens of context asked for, None for the default.
        rope_theta: The base that `transformers` takes for this kind of model if the file names
            none.

    Raises:
        CheckpointError: A field is missing, of a wrong type or out of range, or the two do not fit.
    """
    hidden = config.integer("hidden_size", 1, 1 << 20)
    heads = config.integer("num_attention_heads", 1, 4096)
    kv_heads = config.integer("num_key_value_heads", 1, heads, default=heads)
    if heads % kv_heads:
        raise config.refuse("num_key_value_heads", f"a divisor of 'num_attention_heads', {heads}")
    if not config.has("head_dim") and hidden % heads:
        raise config.refuse(
            "hidden_size",
            f"a multiple of 'num_attention_heads', {heads}, because there is no 'head_dim'",
        )
    head_dim = config.integer("head_dim", 2, 4096, default=hidden // heads)
    if head_dim % 2:
        raise CheckpointError(
            f"{config.where}: the dimension of a head ('head_dim', or 'hidden_size' divided by "
            f"'num_attention_heads') is {head_dim}, but must be even for rotary embeddings; use "
            "another checkpoint."
        )
    return ModelConfig(
        architecture=architecture,
        name=name,
        vocab=config.integer("vocab_size", 1, 1 << 24),
        hidden=hidden,
        intermediate=config.integer("intermediate_size", 1, 1 << 22),
        layers=config.integer("num_hidden_layers", 1, 4096),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        max_context=_context(config, max_context),
        rope_theta=read_rope_theta(config, rope_theta),
        rms_eps=config.positive("rms_norm_eps", 1e-6),
        tied_embeddings=config.boolean("tie_word_embeddings", default=False),
    )


def choose_context(trained: int, requested: int | None, where: str) -> int:
    """The context of the bundle: ``requested`` if it is at most ``trained``, else 4096 at most."""
    if requested is None:
        return min(trained, DEFAULT_CONTEXT)
    if not 1 <= requested <= trained:
        raise CheckpointError(
            f"{where}: a context of {requested} tokens was asked for, but the model supports 1 to "
            f"{trained}; ask for one in this range."
        )
    return requested


def read_activation(config: Fields, default: str) -> Activation:
    """The operation for ``hidden_act``."""
    return _ACTIVATIONS[config.choice("hidden_act", tuple(_ACTIVATIONS), default)]


def refuse_biases(config: Fields, names: tuple[str, ...]) -> None:
    """Refuse a model whose linear layers have biases."""
    for name in names:
        if config.boolean(name, default=False):
            raise CheckpointError(
                f"{config.where}: '{name}' is true, but biases are not supported yet; "
                "use a checkpoint without them."
            )


def _context(config: Fields, requested: int | None) -> int:
    trained = config.integer("max_position_embeddings", 1, 1 << 24)
    return choose_context(trained, requested, config.where)
