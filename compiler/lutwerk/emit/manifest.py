"""``manifest.json``: what the bundle is, what it needs, where it came from."""

from __future__ import annotations

from typing import Any

from lutwerk.defs import FORMATS, LAYOUTS
from lutwerk.emit.model import Golden
from lutwerk.emit.records import Records
from lutwerk.graph import Graph
from lutwerk.layouts import lut_bytes
from lutwerk.model_file import FORMAT_VERSION, q8_stride, round_up

#: Tokens in "KV per 1k tokens".
_KILO = 1024
#: Rows of the tile that a prefill kernel unpacks (LW_MAX_TILE_ROWS in kernels/kernel.h).
_TILE_ROWS = 64
#: Tokens whose attention is computed together (LW_ATTENTION_TOKENS in kernels/kernel.h).
_ATTENTION_TOKENS = 16


def build_manifest(
    graph: Graph, records: Records, golden: Golden, files: dict[str, Any], facts: dict[str, Any]
) -> dict[str, Any]:
    """The manifest as JSON-ready data.

    ``files`` holds bytes and SHA-256 by name; ``facts`` version, target, needs, runner, source,
    tuning, chat and quantisation.
    """
    config = graph.config
    return {
        "lutwerk": facts["version"],
        "format_version": FORMAT_VERSION,
        "architecture": config.architecture,
        "name": config.name,
        "target": facts["target"],
        "isa": facts["isa"],
        "needs": facts["needs"],
        "runner": facts["runner"],
        "source": facts["source"],
        "tuning": facts["tuning"],
        "chat": facts["chat"],
        "model": {
            "vocab": config.vocab,
            "hidden": config.hidden,
            "intermediate": config.intermediate,
            "layers": config.layers,
            "heads": config.heads,
            "kv_heads": config.kv_heads,
            "head_dim": config.head_dim,
            "max_context": config.max_context,
            "chunk": graph.chunk,
            "kv": config.kv,
            "parameters": sum(w.rows * w.cols for w in records.weights if w.role != "rope"),
        },
        "memory": memory_statement(graph, records),
        "quantization": facts["quantization"],
        "files": files,
        "golden": {"tokens": golden.tokens, "logits_sha256": golden.logits_sha256},
    }


def memory_statement(graph: Graph, records: Records) -> dict[str, int]:
    """Bytes that running the model takes, from the static plan; nothing is allocated beyond it."""
    config = graph.config
    kv = config.kv_bytes
    matrices = [w for w in records.weights if not FORMATS[w.format or ""].is_float]
    cols = max((w.cols for w in matrices), default=0)
    tables = max((lut_bytes(LAYOUTS[w.layout or ""], w.cols) for w in matrices), default=0)
    queries = config.heads // config.kv_heads
    scores = _ATTENTION_TOKENS * queries * round_up(config.max_context, 16) * 4
    return {
        "weights_bytes": records.data_bytes,
        "kv_bytes_per_token": kv,
        "kv_bytes_per_1k_tokens": kv * _KILO,
        "kv_bytes_max_context": kv * config.max_context,
        "activation_bytes": graph.arena_bytes or 0,
        "lookup_table_bytes": tables,
        "scratch_bytes_per_thread": _TILE_ROWS * q8_stride(cols) + scores,
    }
