"""A planned graph as the fixed-size records of ``model.lw`` (runtime/FORMAT.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lutwerk.cost import Product, least_share
from lutwerk.defs import FORMATS, LAYOUTS, OPS
from lutwerk.frontends.tokenizer_data import TokenizerData
from lutwerk.graph import KV_TYPES, LOGITS, Graph, Op, View, Weight
from lutwerk.layouts import ALIGN, code_bytes, scale_bytes
from lutwerk.model_file import CONF, LOGITS_OFFSET, NONE, OP, TENSOR, q8_stride, round_up
from lutwerk.targets import ISAS, Target


@dataclass(frozen=True)
class Records:
    """All sections but GOLD and DATA, and what the DATA writer needs."""

    sections: dict[str, bytes]
    weights: list[Weight]
    tensors: NDArray[np.void]
    data_bytes: int


def build_records(
    graph: Graph,
    target: Target,
    tokenizer: TokenizerData | None,
    text: bytes = b"",
    chat: bytes = b"",
) -> Records:
    """Lay out DATA and encode the other sections. Tensors come in the order of their first use.

    ``text`` and ``chat`` are the sections TEXT and CHAT, made of the same tokenizer.
    """
    order = list(dict.fromkeys(op.weight for op in graph.ops if op.weight))
    weights = [graph.weights[name] for name in order]
    names = [name.encode() for name in order]
    tensors = np.zeros(len(weights), TENSOR)
    end = name_offset = 0
    for row, weight, name in zip(tensors, weights, names, strict=True):
        fmt, layout = FORMATS[weight.format or ""], LAYOUTS[weight.layout or ""]
        codes = code_bytes(fmt, layout, weight.rows, weight.cols)
        scales = scale_bytes(fmt, layout, weight.rows, weight.cols)
        row["name_offset"], row["name_bytes"] = name_offset, len(name)
        row["format"], row["layout"] = fmt.id, layout.id
        row["fingerprint"] = layout.fingerprint
        row["rows"], row["cols"] = weight.rows, weight.cols
        row["codes"], row["codes_bytes"] = round_up(end, ALIGN), codes
        end = int(row["codes"]) + codes
        if scales:
            row["scales"], row["scales_bytes"] = round_up(end, ALIGN), scales
            end = int(row["scales"]) + scales
        name_offset += len(name)
    plan = np.zeros(len(graph.ops), OP)
    for row, op in zip(plan, graph.ops, strict=True):
        _encode_op(graph, row, op, order)
        if op.kind in ("matmul", "matmul_float"):
            row["share"] = _share(graph.weights[op.weight or ""], target)
    sections = {
        "CONF": _conf(graph, target, len(weights)).tobytes(),
        "TENS": tensors.tobytes(),
        "PLAN": plan.tobytes(),
        "STRS": b"".join(names),
        "TOKN": _tokenizer(tokenizer),
        "TEXT": text,
        "CHAT": chat,
    }
    return Records(sections, weights, tensors, end)


def _conf(graph: Graph, target: Target, tensors: int) -> NDArray[np.void]:
    conf = np.zeros(1, CONF)
    row = conf[0]
    for name in ("vocab", "hidden", "layers", "heads", "kv_heads", "head_dim", "max_context"):
        row[name] = getattr(graph.config, name)
    row["chunk"], row["arena_bytes"] = graph.chunk, graph.arena_bytes
    row["head_begin"] = graph.head_begin
    row["isa"] = ISAS.index(target.isa)
    row["bos"] = NONE if graph.config.bos is None else graph.config.bos
    row["tensors"], row["ops"] = tensors, len(graph.ops)
    row["kv_type"] = KV_TYPES.index(graph.config.kv)
    return conf


def _encode_op(graph: Graph, row: np.void, op: Op, order: list[str]) -> None:
    row["op"], row["layer"], row["param"] = OPS[op.kind], op.layer, op.param
    row["tensor"] = order.index(op.weight) if op.weight else NONE
    views = {"dst": op.dst, **dict(zip(("src0", "src1"), op.srcs, strict=False))}
    for name, view in views.items():
        if view is not None:
            row[name] = _operand(graph, view)


def _share(weight: Weight, target: Target) -> int:
    product = Product(weight.rows, weight.cols, weight.format or "", weight.layout or "")
    return least_share(target.speed, product)


def _operand(graph: Graph, view: View) -> tuple[int, int, int]:
    """Offset, stride and width; see "PLAN" in FORMAT.md."""
    if view.value == LOGITS:
        return LOGITS_OFFSET, view.width, view.width
    value = graph.values[view.value]
    assert value.offset is not None
    if value.kind == "q8":
        return value.offset, q8_stride(value.width), value.width
    return value.offset + 4 * view.start, value.width, view.width


def _tokenizer(tokenizer: TokenizerData | None) -> bytes:
    if tokenizer is None:
        return b""
    content = {
        "tokenizer": tokenizer.tokenizer_json,
        "bos": tokenizer.bos,
        "eos": list(tokenizer.eos),
        "add_bos": tokenizer.add_bos,
        "chat_template": tokenizer.chat_template,
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
