"""Executes the plan of a ``model.lw`` with the operations of lutwerk.reference.numerics.

Activations live in an arena exactly where the plan puts them, so a wrong memory plan gives wrong logits here too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lutwerk.errors import LutwerkError
from lutwerk.model_file import LOGITS_OFFSET, ModelFile, StoredTensor, q8_stride
from lutwerk.reference import numerics

F32 = NDArray[np.float32]

#: The operations that take nearly all of the time.
PRODUCTS = ("matmul", "matmul_float")


class ReferenceSession:
    """One context of a model, evaluated by the reference."""

    def __init__(self, model: ModelFile):
        self._model = model
        self._conf = model.conf
        self._arena = np.zeros(model.conf["arena_bytes"], np.uint8)
        self._length = 0
        make_empty = numerics.EMPTY_CACHES[model.conf["kv_type"]]
        empty = make_empty(model.conf["kv_heads"], model.conf["head_dim"])
        self._keys = [empty] * model.conf["layers"]
        self._values = [empty] * model.conf["layers"]
        self._kinds = model.op_names()

    @property
    def product_bytes(self) -> int:
        """Packed bytes of the matrices that one chunk multiplies."""
        pairs = zip(self._kinds, self._model.ops["tensor"], strict=True)
        return sum(self._model.tensors[t].codes.size for kind, t in pairs if kind in PRODUCTS)

    def eval(self, tokens: Sequence[int], progress: Callable[[int], None] | None = None) -> F32:
        """Append tokens and return the logits of each, float32 [len(tokens), vocab].

        ``progress`` is called with the packed bytes of each matrix after it was multiplied;
        :attr:`product_bytes` is their sum for one chunk.
        """
        if self._length + len(tokens) > self._conf["max_context"]:
            raise LutwerkError(
                f"{len(tokens)} tokens do not fit a context of {self._conf['max_context']}"
            )
        chunk = self._conf["chunk"]
        parts = [tokens[i : i + chunk] for i in range(0, len(tokens), chunk)]
        return np.concatenate([self._eval_chunk(part, progress) for part in parts])

    def _eval_chunk(self, tokens: Sequence[int], progress: Callable[[int], None] | None) -> F32:
        logits = np.zeros((len(tokens), self._conf["vocab"]), np.float32)
        for kind, op in zip(self._kinds, self._model.ops, strict=True):
            tensor = None if op["tensor"] == 0xFFFFFFFF else self._model.tensors[op["tensor"]]
            result = self._run(kind, op, tensor, tokens)
            if result is not None:
                dst = op["dst"]
                view = logits if dst["offset"] == LOGITS_OFFSET else self._f32(dst, len(tokens))
                view[:] = result
            if progress and tensor and kind in PRODUCTS:
                progress(tensor.codes.size)
        self._length += len(tokens)
        return logits

    def _run(
        self, kind: str, op: np.void, tensor: StoredTensor | None, tokens: Sequence[int]
    ) -> F32 | None:
        """The result for dst, or None when the operation has stored its result itself."""
        count = len(tokens)
        head_dim = self._conf["head_dim"]
        if kind == "quantize":
            self._store_q8(op, *numerics.quantize(self._f32(op["src0"], count)))
            return None
        if kind == "kv_store":
            layer = op["layer"]
            for cache, operand in ((self._keys, op["src0"]), (self._values, op["src1"])):
                new = self._f32(operand, count).reshape(count, -1, head_dim)
                cache[layer] = cache[layer].append(new)
            return None
        if kind == "attention":
            q = self._f32(op["src0"], count).reshape(count, -1, head_dim)
            layer = op["layer"]
            keys, values = self._keys[layer], self._values[layer]
            out = numerics.attention(q, keys, values, op["param"], self._length)
            return out.reshape(count, -1)
        if kind == "matmul":
            assert tensor is not None
            codes, scales = self._load_q8(op["src0"], count)
            return _matmul(tensor, codes, scales)
        if tensor is None:
            gate_or_a, up_or_b = self._f32(op["src0"], count), self._f32(op["src1"], count)
            if kind == "add":
                return np.asarray(gate_or_a + up_or_b)
            gated = numerics.relu2_mul if kind == "relu2_mul" else numerics.silu_mul
            return gated(gate_or_a, up_or_b)
        if kind == "embed":
            return _embed(tensor, tokens)
        if kind == "rope":
            table = tensor.floats()[self._length : self._length + count]
            return numerics.rope(self._f32(op["dst"], count), table, head_dim)
        x = self._f32(op["src0"], count)
        if kind == "rmsnorm":
            return numerics.rmsnorm(x, tensor.floats()[0], op["param"])
        if kind == "matmul_float":
            return numerics.matmul_float(tensor.floats(), x)
        raise LutwerkError(f"the reference has no operation {kind!r}")

    def _f32(self, operand: np.void, count: int) -> F32:
        """A float32 operand as a writable view [count, width] of the arena."""
        begin, stride = int(operand["offset"]), int(operand["stride"])
        end = begin + 4 * ((count - 1) * stride + int(operand["width"]))
        flat = self._arena[begin:end].view(np.float32)
        return np.lib.stride_tricks.as_strided(
            flat, (count, int(operand["width"])), (4 * stride, 4)
        )

    def _q8(self, operand: np.void) -> tuple[NDArray[np.int8], NDArray[np.int32], F32]:
        """Views of an int8 operand: codes [chunk, stride], sums [chunk, stride / 32], scales [chunk]."""
        chunk, stride = self._conf["chunk"], int(operand["stride"])
        begin = int(operand["offset"])
        sums = begin + chunk * stride
        scales = sums + chunk * stride // 32 * 4
        return (
            self._arena[begin:sums].view(np.int8).reshape(chunk, stride),
            self._arena[sums:scales].view(np.int32).reshape(chunk, stride // 32),
            self._arena[scales : scales + 4 * chunk].view(np.float32),
        )

    def _store_q8(self, op: np.void, codes: NDArray[np.int8], scales: F32) -> None:
        count, width = codes.shape
        stored, sums, stored_scales = self._q8(op["dst"])
        stored[:count] = 0
        stored[:count, :width] = codes
        padded = stored[:count].reshape(count, q8_stride(width) // 32, 32)
        sums[:count] = padded.sum(axis=2, dtype=np.int32)
        stored_scales[:count] = scales

    def _load_q8(self, operand: np.void, count: int) -> tuple[NDArray[np.int8], F32]:
        codes, _, scales = self._q8(operand)
        return codes[:count, : operand["width"]], scales[:count]


def _matmul(tensor: StoredTensor, codes: NDArray[np.int8], scales: F32) -> F32:
    """Multiply block of rows by block of rows, so that only a block is ever unpacked."""
    blocks = []
    for rows in tensor.row_blocks():
        values, weight_scales = tensor.block(rows)
        group = tensor.format.group
        blocks.append(numerics.matmul(values, weight_scales, group, codes, scales))
    return np.concatenate(blocks, axis=1)


def _embed(tensor: StoredTensor, tokens: Sequence[int]) -> F32:
    """Rows of the embedding, dequantised: [tokens, cols]."""
    if tensor.format.is_float:
        return np.asarray(tensor.floats()[np.asarray(tokens)])
    rows = []
    tile = tensor.layout.tile_rows
    for token in tokens:
        first = token // tile * tile
        values, scales = tensor.block(range(first, min(first + tile, tensor.rows)))
        value = values[token - first].astype(np.float32)
        group = tensor.format.group or tensor.cols
        rows.append(value * np.repeat(scales[token - first], group)[: tensor.cols])
    return np.stack(rows)
