"""What commands say about a bundle in the same words: sizes, plan and memory, from its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lutwerk.manifest import RUN
from lutwerk.units import format_bytes, format_count

if TYPE_CHECKING:
    from lutwerk.native_types import HeadStats


def size_line(manifest: dict[str, Any]) -> str:
    """Parameters, bytes and bits per weight."""
    parameters = manifest["model"]["parameters"]
    weights = manifest["memory"]["weights_bytes"]
    bits = 8 * weights / parameters
    return f"{format_count(parameters)} parameters in {format_bytes(weights)}, {bits:.2f} bits per weight"


def plan_line(manifest: dict[str, Any]) -> str:
    """Target and quantisers; a tied embedding is the head's matrix, so only `inspect` names it."""
    quantization = manifest["quantization"]
    line = (
        f"for {manifest['target']} ({manifest['isa']}): "
        f"linear layers {quantization['linear']}, head {quantization['head']}"
    )
    rules = [f"{pattern}={name}" for pattern, name in quantization["rules"]]
    return f"{line}, rules {' '.join(rules)}" if rules else line


def needs_line(manifest: dict[str, Any]) -> str:
    """What a device must have besides memory."""
    needs = manifest["needs"]
    parts = [
        f"Linux on {needs['architecture']}" if RUN in manifest["files"] else needs["architecture"]
    ]
    if needs["isa"] != "scalar":
        parts.append(f"{needs['isa']} ({' '.join(needs['cpu_flags'])})")
    if needs["page_bytes"]:
        parts.append(f"pages of at most {format_bytes(needs['page_bytes'])}")
    return ", ".join(parts)


def runner_line(manifest: dict[str, Any]) -> str:
    """The program of the bundle: its size and compiler."""
    if RUN not in manifest["files"]:
        return "none: Python runs this bundle"
    size = format_bytes(manifest["files"][RUN]["bytes"])
    return f"{RUN}, {size}, built by {manifest['runner']['compiler']}"


def tuning_line(tuning: dict[str, str]) -> str:
    """The tuning record that the layouts were chosen by; enough of its hash to tell two apart."""
    return f"{tuning['file']} (SHA-256 {tuning['sha256'][:12]}): {tuning['machine']}"


def chat_line(chat: dict[str, Any]) -> str:
    """Whether the chat template is in the bundle, and why not."""
    if not chat["carried"]:
        return f"template not carried: {chat['reason']}"
    return "template carried" + (", with its own default date" if chat["default_date"] else "")


def memory_line(manifest: dict[str, Any]) -> str:
    """The memory statement."""
    memory = manifest["memory"]
    return (
        f"weights {format_bytes(memory['weights_bytes'])}, "
        f"{manifest['model'].get('kv', 'f16')} KV cache "
        f"{format_bytes(memory['kv_bytes_per_1k_tokens'])} per 1k tokens "
        f"({format_bytes(memory['kv_bytes_max_context'])} at the full context of "
        f"{manifest['model']['max_context']}), "
        f"activations {format_bytes(memory['activation_bytes'])}, "
        f"scratch {format_bytes(memory['lookup_table_bytes'] + memory['scratch_bytes_per_thread'])} a thread"
    )


def memory_shortage(manifest: dict[str, Any], memory_mib: Sequence[int]) -> str | None:
    """What to say when devices with the memories ``memory_mib`` are too small; None when they are not."""
    stated = manifest["memory"]
    parts = ("weights_bytes", "activation_bytes", "kv_bytes_per_1k_tokens")
    needed = sum(stated[part] for part in parts)
    if not memory_mib or needed <= max(memory_mib) * 2**20:
        return None
    return f"{format_bytes(needed)} for a context of 1024 tokens exceed the {format_bytes(max(memory_mib) * 2**20)}"


def rate(tokens: int, seconds: float) -> float | None:
    """Tokens per second; None when nothing was measured."""
    return tokens / seconds if tokens and seconds else None


def rate_text(tokens: int, seconds: float) -> str:
    """Tokens per second as text."""
    value = rate(tokens, seconds)
    return "-" if value is None else f"{value:.1f} tokens/s"


def head_text(head: HeadStats) -> str:
    """What the two-stage head did, per token that it answered."""
    answered = max(1, head.tokens - head.full)
    return (
        f"head: {head.survivors / answered:.0f} rows rescored and {head.candidates / answered:.0f} "
        f"computed in full a token, {head.full} of {head.tokens} tokens by the full head"
    )
