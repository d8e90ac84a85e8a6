"""GGUF files of a published shape with random weights: what llama.cpp runs beside a bundle.

Speed does not depend on the values, so each tensor is random codes with a scale that keeps
activations near 1: numbers that overflow or turn subnormal would slow the float parts down. Every
matrix of a layer has one block type, the embedding (tied to the head, or both) has another.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from lutwerk.emit.pieces import PIECE, PieceWriter
from lutwerk.graph import ModelConfig

Bytes = NDArray[np.uint8]
#: Number of blocks -> their codes, uint8 [blocks, bytes].
Codes = Callable[[np.random.Generator, int], Bytes]


@dataclass(frozen=True)
class BlockType:
    """One ggml block type: ``weights`` numbers stored as ``fields`` in order (ggml-common.h).

    A field is codes that a function draws, or the block's scale times a factor as float16.
    ``spread`` is the standard deviation of the decoded integers.
    """

    weights: int
    spread: float
    fields: tuple[Codes | float, ...]


def _bytes(count: int) -> Codes:
    return lambda rng, blocks: rng.integers(0, 256, (blocks, count), np.uint8)


def _constant(*values: int) -> Codes:
    return lambda _, blocks: np.tile(np.array(values, np.uint8), (blocks, 1))


def _trits(count: int) -> Codes:
    """Bytes of four 2-bit codes, none of which is 3."""
    legal = np.array(
        [b for b in range(256) if all(b >> s & 3 != 3 for s in (0, 2, 4, 6))], np.uint8
    )
    return lambda rng, blocks: legal[rng.integers(0, len(legal), (blocks, count), np.uint8)]


SCALE = 1.0
#: Scales inside a K-quant's block are all 1 here, or 8 in Q4_K; minima put the middle at 0.
BLOCK_TYPES = {
    "TQ1_0": BlockType(256, 0.8, (_bytes(48), _bytes(4), SCALE)),
    "TQ2_0": BlockType(256, 0.8, (_trits(64), SCALE)),
    "Q2_K": BlockType(256, 1.12, (_constant(*[0x11] * 16), _bytes(64), SCALE, 1.5)),
    "Q3_K": BlockType(
        256, 2.29, (_bytes(32), _bytes(64), _constant(*[0x11] * 8, *[0xAA] * 4), SCALE)
    ),
    "Q4_0": BlockType(32, 4.6, (SCALE, _bytes(16))),
    "Q4_K": BlockType(256, 36.9, (SCALE, 7.5, _constant(*[0x08] * 8, *[0x88] * 4), _bytes(128))),
    "Q6_K": BlockType(256, 18.5, (_bytes(128), _bytes(64), _constant(*[1] * 16), SCALE)),
    "Q8_0": BlockType(32, 74.0, (SCALE, _bytes(32))),
}


def random_blocks(
    kind: str, rows: int, columns: int, rng: np.random.Generator, gain: float = 1.0
) -> Bytes:
    """Return uint8 [rows, bytes per row] of weights with deviation gain / sqrt(columns)."""
    block = BLOCK_TYPES[kind]
    blocks = rows * columns // block.weights
    scale = gain / (block.spread * columns**0.5)
    parts = [
        np.full((blocks, 1), field * scale, "<f2").view(np.uint8)
        if isinstance(field, float)
        else field(rng, blocks)
        for field in block.fields
    ]
    return np.concatenate(parts, axis=1).reshape(rows, -1)


@dataclass(frozen=True)
class _Tensor:
    name: str
    rows: int
    columns: int
    kind: str | None  # None: a float32 vector of ones


def _tensors(config: ModelConfig, linear: str, head: str) -> Iterator[_Tensor]:
    hidden, inner, kv = config.hidden, config.intermediate, config.kv_heads * config.head_dim
    heads = config.heads * config.head_dim
    yield _Tensor("token_embd", config.vocab, hidden, head)
    yield _Tensor("output_norm", 1, hidden, None)
    for layer in range(config.layers):
        at = f"blk.{layer}."
        yield _Tensor(at + "attn_norm", 1, hidden, None)
        yield _Tensor(at + "attn_q", heads, hidden, linear)
        yield _Tensor(at + "attn_k", kv, hidden, linear)
        yield _Tensor(at + "attn_v", kv, hidden, linear)
        yield _Tensor(at + "attn_output", hidden, heads, linear)
        yield _Tensor(at + "ffn_norm", 1, hidden, None)
        yield _Tensor(at + "ffn_gate", inner, hidden, linear)
        yield _Tensor(at + "ffn_up", inner, hidden, linear)
        yield _Tensor(at + "ffn_down", hidden, inner, linear)
        if config.architecture == "bitnet":
            yield _Tensor(at + "attn_sub_norm", 1, hidden, None)
            yield _Tensor(at + "ffn_sub_norm", 1, inner, None)
    if not config.tied_embeddings:
        yield _Tensor("output", config.vocab, hidden, head)


def _metadata(writer: gguf.GGUFWriter, config: ModelConfig) -> None:
    writer.add_name(config.name)
    writer.add_block_count(config.layers)
    writer.add_context_length(config.max_context)
    writer.add_embedding_length(config.hidden)
    writer.add_feed_forward_length(config.intermediate)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_layer_norm_rms_eps(config.rms_eps)
    writer.add_vocab_size(config.vocab)
    writer.add_tokenizer_model("no_vocab")


def write_gguf(path: Path, config: ModelConfig, linear: str, head: str, seed: int = 0) -> None:
    """Write a model in the shape of ``config``; nothing half-written stays at ``path``.

    Args:
        path: the file to write.
        config: the shape; ``architecture`` is ``bitnet`` or ``llama``, llama.cpp's names too.
        linear: block type of the matrices in the layers, a key of ``BLOCK_TYPES``.
        head: block type of the embedding and the head.
        seed: of the random weights.

    Raises:
        ValueError: a row of some matrix is no whole number of blocks; nothing was written.
    """
    rng = np.random.default_rng(seed)
    tensors = list(_tensors(config, linear, head))
    partial = path.with_suffix(".partial")
    writer = gguf.GGUFWriter(partial, config.architecture)
    _metadata(writer, config)
    for t in tensors:
        if t.kind is None:
            writer.add_tensor_info(t.name + ".weight", (t.columns,), np.dtype("f4"), 4 * t.columns)
            continue
        kind = gguf.GGMLQuantizationType[t.kind]
        weights, size = gguf.GGML_QUANT_SIZES[kind]
        if t.columns % weights:
            raise ValueError(f"{t.name}: {t.columns} columns are not whole {t.kind} blocks")
        row_bytes = t.columns // weights * size
        shape = (t.rows, row_bytes)
        writer.add_tensor_info(
            t.name + ".weight", shape, np.dtype("u1"), t.rows * row_bytes, raw_dtype=kind
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for t in tensors:
        if t.kind is None:
            writer.write_tensor_data(np.ones(t.columns, np.float32))
        else:
            gain = t.columns**0.5 if t.name == "token_embd" else 1.0
            writer.write_tensor_data(random_blocks(t.kind, t.rows, t.columns, rng, gain))
    writer.close()
    _rewrite_in_pieces(partial)
    partial.replace(path)


def _rewrite_in_pieces(path: Path) -> None:
    """Write the file again as `lutwerk compile` writes, so that the system can map it with huge pages."""
    pieces = path.with_suffix(".pieces")
    with path.open("rb") as content, pieces.open("wb") as file:
        out = PieceWriter(file)
        shutil.copyfileobj(content, out, PIECE)
        out.flush()
    pieces.replace(path)
