"""Frontends: from a checkpoint to a graph. Everything after them is the same for all models."""

from __future__ import annotations

from pathlib import Path

from lutwerk.frontends.checkpoint import Checkpoint
from lutwerk.frontends.huggingface import read_huggingface
from lutwerk.frontends.synthetic import PREFIX, read_synthetic
from lutwerk.frontends.tokenizer_data import TokenizerData

__all__ = ["Checkpoint", "TokenizerData", "read_checkpoint"]


def read_checkpoint(spec: str, *, max_context: int | None, seed: int) -> Checkpoint:
    """Read a checkpoint.

    Args:
        spec: A Hugging Face checkpoint directory, or ``synthetic:NAME`` for random weights of a
            published shape.
        max_context: Tokens of context that the bundle must hold; None for the model's own limit, at
            most 4096.
        seed: Seed of the random weights; directories ignore it.

    Raises:
        CheckpointError: The checkpoint is missing, damaged or not supported; the message is a whole
            sentence.
    """
    if spec.startswith(PREFIX):
        return read_synthetic(spec.removeprefix(PREFIX), max_context, seed)
    return read_huggingface(Path(spec), max_context)
