"""``lutwerk.compile``; what it needs is imported when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lutwerk.graph import KvType
    from lutwerk.progress import Progress


def compile(
    checkpoint: str | Path,
    output: str | Path,
    *,
    target: str = "host",
    tuning: str | Path | None = None,
    quant: str = "auto",
    head: str = "auto",
    embedding: str = "auto",
    rules: Sequence[tuple[str, str]] = (),
    layouts: Sequence[tuple[str, str]] = (),
    context: int | None = None,
    chunk: int = 128,
    kv: KvType = "f16",
    seed: int = 0,
    force: bool = False,
    device_tokenizer: bool = True,
    runner: str | None = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compile a checkpoint into a bundle folder. The same input gives the same bytes.

    Args:
        checkpoint: a Hugging Face folder, or ``synthetic:NAME`` for random weights in a published
            model's shapes.
        output: the bundle folder to write.
        target: device class; ``host`` is this machine (``lutwerk targets`` lists all).
        tuning: a record that ``lutwerk tune`` wrote, to choose layouts by instead of the target's
            speeds.
        quant: quantiser of the linear layers, such as ``ternary`` or ``i4g64``; ``auto`` keeps what
            the model has.
        head: quantiser of the output head; ``auto`` reads one that exceeds the target's cache in two
            stages (docs/two-stage-head.md).
        embedding: quantiser of the token embedding.
        rules: pairs of a tensor name pattern (``*`` matches anything) and a quantiser; they go
            before the others.
        layouts: pairs of a tensor name pattern and a layout, instead of what the target prefers.
        context: greatest context of the bundle; by default the model's own, at most 4096.
        chunk: tokens evaluated together at most.
        kv: what the KV cache holds: ``f16``, or ``q8`` for int8 in about half of the memory.
        seed: of synthetic weights.
        force: write over an existing bundle.
        device_tokenizer: also store the tokeniser in the form that devices without Python execute.
        runner: where the program `run` of the bundle comes from: ``auto``, ``shipped``, ``gcc``,
            ``zig`` or the command of a C compiler for the target; None leaves it out.
        progress: reports bytes written.

    Returns:
        The manifest: sizes, memory statement, hashes; ``chat`` says whether the chat template, if
        there is one, is in the bundle, and if not, why.

    Raises:
        LutwerkError: the checkpoint, the target or the request is not valid, or the bundle cannot
            be written; nothing half-written stays.

    Example:
        >>> import lutwerk
        >>> manifest = lutwerk.compile("checkpoint", "bundle", quant="i4g64")  # doctest: +SKIP
    """
    from lutwerk.chat_check import check_device_chat
    from lutwerk.pipeline import CompileOptions, compile_bundle
    from lutwerk.text_check import check_device_text

    options = CompileOptions(
        checkpoint=str(checkpoint),
        output=Path(output),
        target=target,
        tuning=None if tuning is None else Path(tuning),
        quant=quant,
        head=head,
        embedding=embedding,
        rules=tuple(rules),
        layouts=tuple(layouts),
        context=context,
        chunk=chunk,
        kv=kv,
        seed=seed,
        force=force,
        device_tokenizer=device_tokenizer,
        runner=runner,
    )
    return compile_bundle(options, progress, check_device_text, check_device_chat)
