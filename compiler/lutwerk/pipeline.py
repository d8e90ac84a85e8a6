"""From a checkpoint to a bundle: read, decide, write."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lutwerk.architectures import ARCHITECTURES, Architecture, host_architecture
from lutwerk.chat import Chat, NotCarried, build_chat
from lutwerk.dump import dump
from lutwerk.emit import write_bundle
from lutwerk.emit.bundle import check_output
from lutwerk.emit.records import build_records
from lutwerk.errors import CompileError
from lutwerk.frontends import read_checkpoint
from lutwerk.frontends.tokenizer_data import TokenizerData
from lutwerk.graph import KV_TYPES, Graph, KvType, Role
from lutwerk.passes import PassContext, check_stages, run_passes
from lutwerk.progress import NoProgress, Progress
from lutwerk.quantize import QUANTIZERS
from lutwerk.runner import Runner, obtain_runner
from lutwerk.targets import Target, load_target
from lutwerk.tokenizer import build_section
from lutwerk.tuning_record import tuned_target
from lutwerk.two_stage import default_head_quantizer

AUTO = "auto"

#: Compares section TEXT with the tokenizer.json (its text), the bos to put first and the file's name;
#: it raises CompileError. It runs the C library, which this module does without.
TextCheck = Callable[[bytes, str, int | None, str], None]
#: Compares section CHAT with its template; it takes section TEXT, what the section was made from, the
#: text of tokenizer.json and the file's name, and raises NotCarried.
ChatCheck = Callable[[bytes, Chat, str, str], None]


@dataclass(frozen=True)
class CompileOptions:
    """What to compile and how.

    Attributes:
        checkpoint: A folder in Hugging Face form, or ``synthetic:NAME``.
        output: The bundle folder to create.
        target: A name from ``lutwerk targets``, or ``host``.
        tuning: A record of ``lutwerk tune``, whose speeds replace the target's; None: the target's.
        quant: Quantiser of the linear layers, or ``auto``.
        head: Quantiser of the output head, or ``auto``: the model's default, or the one of the
            two-stage head where this is faster. A tied embedding is the same matrix.
        embedding: Quantiser of an embedding that is not the head, or ``auto``.
        rules: (pattern, quantiser) pairs for matrices by name; the first match wins.
        layouts: (pattern, layout) pairs; the first that can hold the format wins.
        context: Positions that the bundle supports; None: the model's, at most 4096.
        chunk: Tokens evaluated together in prefill.
        kv: What the KV cache holds: ``f16``, or ``q8`` for int8 in about half of the memory.
        seed: For synthetic checkpoints.
        golden: Tokens of the golden self-test.
        dump_after: Passes after which the graph is printed to stderr.
        force: Replace an existing bundle.
        device_tokenizer: Also store the tokeniser as tables, which devices without Python execute.
        runner: Where the program `run` comes from (lutwerk.runner); None leaves it out.
    """

    checkpoint: str
    output: Path
    target: str = "host"
    tuning: Path | None = None
    quant: str = AUTO
    head: str = AUTO
    embedding: str = AUTO
    rules: tuple[tuple[str, str], ...] = ()
    layouts: tuple[tuple[str, str], ...] = ()
    context: int | None = None
    chunk: int = 128
    kv: KvType = "f16"
    seed: int = 0
    golden: int = 8
    dump_after: tuple[str, ...] = ()
    force: bool = False
    device_tokenizer: bool = True
    runner: str | None = AUTO


def compile_bundle(
    options: CompileOptions,
    progress: Progress | None = None,
    check_text: TextCheck | None = None,
    check_chat: ChatCheck | None = None,
) -> dict[str, Any]:
    """Compile a checkpoint and return the manifest of the bundle.

    Raises CheckpointError, TargetError or CompileError; then no output is left.
    """
    _check_options(options)
    check_output(options.output, options.force)
    target = load_target(options.target)
    if options.tuning is not None:
        target = tuned_target(target, options.tuning)
    checkpoint = read_checkpoint(options.checkpoint, max_context=options.context, seed=options.seed)
    quantizers = dict(checkpoint.default_quantizers)
    chosen: dict[Role, str] = {
        "linear": options.quant,
        "head": options.head,
        "embedding": options.embedding,
    }
    for role, name in chosen.items():
        if name != AUTO:
            quantizers[role] = name
        elif role == "head":
            default = quantizers[role]
            quantizers[role] = default_head_quantizer(checkpoint.graph, default, target.speed)

    def show(stage: str, graph: Graph) -> None:
        if stage in options.dump_after or "all" in options.dump_after:
            sys.stderr.write(dump(graph, stage))

    context = PassContext(target, quantizers, options.rules, options.layouts, options.chunk)
    source = checkpoint.graph
    source = replace(source, config=replace(source.config, kv=options.kv))
    graph = run_passes(source, context, show)
    if options.golden > graph.config.max_context:
        raise CompileError(
            f"context {graph.config.max_context} is shorter than the {options.golden} tokens of the "
            "self-test; ask for a longer one with -c"
        )
    progress = progress or NoProgress()
    text = _device_text(options, checkpoint.tokenizer, check_text)
    chat, carried = _chat(options, checkpoint.tokenizer, text, check_chat)
    runner = None
    if options.runner is not None:
        runner = obtain_runner(_architecture(target), options.runner, progress)
        _check_pages(target, runner)
    facts = {
        "version": version("lutwerk"),
        "target": target.name,
        "isa": target.isa,
        "needs": _needs(target, runner),
        "runner": None if runner is None else {"compiler": runner.compiler},
        "source": _provenance(options),
        "tuning": None if options.tuning is None else _tuning(options.tuning, target),
        "chat": carried,
        "quantization": {
            **_used_quantizers(graph, quantizers),
            "rules": [list(rule) for rule in options.rules],
        },
    }
    records = build_records(graph, target, checkpoint.tokenizer, text, chat)
    return write_bundle(
        graph, records, options.output, options.golden, facts, runner, options.force, progress
    )


def _check_options(options: CompileOptions) -> None:
    named = {"--quant": options.quant, "--head": options.head, "--embedding": options.embedding}
    named |= {f"--rule {pattern}": quantizer for pattern, quantizer in options.rules}
    for flag, quantizer in named.items():
        if quantizer not in QUANTIZERS and (quantizer != AUTO or flag.startswith("--rule")):
            raise CompileError(
                f"{flag}: quantiser {quantizer!r} is not known; accepted: {', '.join(QUANTIZERS)}"
            )
    for flag, number, low, high in (
        ("--chunk", options.chunk, 1, 4096),
        ("--golden", options.golden, 1, 4096),
    ):
        if not low <= number <= high:
            raise CompileError(f"{flag}: {number} is out of range; accepted: {low} to {high}")
    if options.kv not in KV_TYPES:
        raise CompileError(
            f"--kv: cache type {options.kv!r} is not known; accepted: {', '.join(KV_TYPES)}"
        )
    check_stages(options.dump_after)


def _device_text(
    options: CompileOptions, tokenizer: TokenizerData | None, check: TextCheck | None
) -> bytes:
    """Section TEXT, checked; empty when there is no tokeniser or none is wanted."""
    if tokenizer is None or not options.device_tokenizer:
        return b""
    where = str(Path(options.checkpoint) / "tokenizer.json")
    bos = tokenizer.bos if tokenizer.add_bos else None
    section = build_section(tokenizer.tokenizer_json, bos, tokenizer.eos, where)
    if check is not None:
        check(section, tokenizer.tokenizer_json, bos, where)
    return section


def _chat(
    options: CompileOptions, tokenizer: TokenizerData | None, text: bytes, check: ChatCheck | None
) -> tuple[bytes, dict[str, Any] | None]:
    """Section CHAT, and what the manifest says of it: None without a template."""
    if tokenizer is None or tokenizer.chat_template is None:
        return b"", None
    try:
        if not text:
            raise NotCarried("it needs the tables of the tokeniser, which were left out")
        chat = build_chat(
            tokenizer.chat_template, tokenizer.special_tokens, tokenizer.tokenizer_json
        )
        if check is not None:
            check(text, chat, tokenizer.tokenizer_json, str(Path(options.checkpoint)))
    except NotCarried as error:
        return b"", {"carried": False, "reason": str(error)}
    reserved = [list(pair) for pair in chat.form.reserved]
    date = chat.template.asks_for_date
    return chat.section, {"carried": True, "default_date": date, "reserved": reserved}


def _architecture(target: Target) -> Architecture:
    """What to build `run` for: the target's architecture, or this machine's where any will do."""
    found = ARCHITECTURES.get(target.architecture) or host_architecture()
    if found is None:
        raise CompileError(
            f"target {target.name} runs on any architecture, and this machine's is none that the program "
            f"`run` can be built for; choose another --target, or leave the program out with --no-runner"
        )
    return found


def _check_pages(target: Target, runner: Runner) -> None:
    """Refuse a program that kernels of some devices of the target could not map."""
    largest = 1024 * max(target.page_kib, default=0)
    if runner.page_bytes < largest:
        raise CompileError(
            f"{runner.compiler} made a program for pages of at most {runner.page_bytes} bytes, but kernels "
            f"of target {target.name} have up to {largest}; choose another --runner-compiler"
        )


def _needs(target: Target, runner: Runner | None) -> dict[str, Any]:
    """What a device must have to run the bundle; memory has its own statement."""
    return {
        "architecture": runner.architecture if runner else target.architecture,
        "isa": target.isa,
        "cpu_flags": list(target.cpu_flags),
        "page_bytes": runner.page_bytes if runner else 0,
    }


def _used_quantizers(graph: Graph, quantizers: dict[Role, str]) -> dict[str, str]:
    """The quantisers of the roles that the model has: a tied embedding is part of the head."""
    roles = {weight.role for weight in graph.weights.values()}
    return {str(role): name for role, name in quantizers.items() if role in roles}


def _tuning(path: Path, target: Target) -> dict[str, str]:
    """The tuning record that the layouts were chosen by, and the machine that it states."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "sha256": digest, "machine": target.speed.source}


def _provenance(options: CompileOptions) -> dict[str, Any]:
    """Where the weights came from: the folder's name and the hashes of its files, or name and seed."""
    folder = Path(options.checkpoint)
    if not folder.is_dir():
        return {"checkpoint": options.checkpoint, "seed": options.seed}
    hashes = {}
    names = ("*.json", "*.jinja", "*.safetensors")
    for path in sorted(path for name in names for path in folder.glob(name)):
        with path.open("rb") as file:
            hashes[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return {"checkpoint": folder.resolve().name, "sha256": hashes}
