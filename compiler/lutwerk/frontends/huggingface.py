"""Checkpoint directories of `transformers`: config.json, *.safetensors, tokenizer.json."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lutwerk.errors import CheckpointError
from lutwerk.frontends.architecture import Architecture
from lutwerk.frontends.bitlinear import BitLinear
from lutwerk.frontends.bitnet import read_bitnet
from lutwerk.frontends.checkpoint import Checkpoint, default_quantizers
from lutwerk.frontends.config_fields import Fields, read_json_object
from lutwerk.frontends.decoder import HEAD, build_decoder
from lutwerk.frontends.llama import read_llama
from lutwerk.frontends.safetensors_reader import FLOAT_DTYPES, SafetensorsReader
from lutwerk.frontends.tokenizer_data import read_tokenizer
from lutwerk.graph import F32, Source

#: Readers of config.json by its `model_type`. A new one is a file beside this one and a line here.
ARCHITECTURES: dict[str, Callable[[Fields, str, int | None], Architecture]] = {
    "bitnet": read_bitnet,
    "llama": read_llama,
}


def read_huggingface(directory: Path, max_context: int | None) -> Checkpoint:
    """Read a directory; the weights themselves stay on disk until their sources are loaded.

    Raises CheckpointError if anything is missing, damaged or not supported.
    """
    if not directory.is_dir():
        raise CheckpointError(
            f"{directory}: not a directory; name a Hugging Face checkpoint directory, or "
            "'synthetic:NAME'."
        )
    path = directory / "config.json"
    config = Fields(str(path), read_json_object(path))
    model_type = config.raw("model_type")
    if not isinstance(model_type, str) or model_type not in ARCHITECTURES:
        raise CheckpointError(
            f"{path}: model_type '{model_type}' is not supported; supported: "
            f"{', '.join(ARCHITECTURES)}."
        )
    architecture = ARCHITECTURES[model_type](config, directory.resolve().name, max_context)
    spec = architecture.decoder
    tokenizer = read_tokenizer(directory, config, spec.config.vocab)
    spec = replace(spec, config=replace(spec.config, bos=tokenizer.bos, eos=tokenizer.eos))
    reader = SafetensorsReader(directory)
    graph = build_decoder(spec, _CheckpointTensors(reader, architecture.bitlinear))
    _refuse_unread(reader)
    return Checkpoint(
        graph, tokenizer, default_quantizers(ternary=architecture.bitlinear is not None)
    )


class _CheckpointTensors:
    """See :class:`lutwerk.frontends.decoder.Tensors`."""

    def __init__(self, reader: SafetensorsReader, bitlinear: BitLinear | None):
        self._reader = reader
        self._bitlinear = bitlinear

    def linear(self, name: str, rows: int, cols: int) -> Source:
        if self._bitlinear is not None:
            return self._bitlinear.source(self._reader, name, rows, cols)
        return self.dense(name, rows, cols)

    def dense(self, name: str, rows: int, cols: int) -> Source:
        info = self._reader.claim(name, (rows, cols), tuple(FLOAT_DTYPES))
        return Source(name, rows, cols, lambda: self._reader.read_float(info))

    def norm(self, name: str, width: int) -> Source:
        info = self._reader.claim(name, (width,), tuple(FLOAT_DTYPES))

        def load() -> F32:
            return self._reader.read_float(info).reshape(1, width)

        return Source(name, 1, width, load)


def _refuse_unread(reader: SafetensorsReader) -> None:
    """Refuse tensors that the graph does not read: without its biases a model prints garbage."""
    unread = [
        name
        for name in reader.unclaimed()
        # Some store the frequencies of the rotary embeddings, or a copy of the embedding as head
        # (a head of its own has been claimed).
        if not name.endswith("rotary_emb.inv_freq") and name != HEAD
    ]
    if unread:
        shown = ", ".join(unread[:3]) + (f" and {len(unread) - 3} more" if unread[3:] else "")
        raise CheckpointError(
            f"{reader.directory}: the model would not read the tensors {shown}; "
            "check that config.json belongs to these weights, or use a checkpoint without them."
        )
