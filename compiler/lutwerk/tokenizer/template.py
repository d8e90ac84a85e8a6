"""Post-processors: tokens that stand before and after those of a text."""

from __future__ import annotations

from typing import Any

from lutwerk.tokenizer.refusal import Unsupported, accepted

Template = tuple[list[int], list[int]]


def read_template(post_processor: dict[str, Any] | None) -> Template:
    """The ids before and after a single text. Raises Unsupported."""
    templates = [_single(part) for part in _flat(post_processor)]
    if len(templates) > 1:
        raise Unsupported("post_processor has two 'TemplateProcessing'; accepted: one")
    return templates[0] if templates else ([], [])


def _flat(post_processor: dict[str, Any] | None) -> list[dict[str, Any]]:
    match post_processor:
        # ByteLevel changes offsets, not ids.
        case None | {"type": "ByteLevel"}:
            return []
        case {"type": "Sequence", "processors": list(parts)}:
            return [flat for part in parts for flat in _flat(part)]
        case {"type": "TemplateProcessing"}:
            return [post_processor]
        case {"type": kind}:
            raise accepted("post_processor", kind, "TemplateProcessing, ByteLevel, Sequence")
    raise accepted("post_processor", post_processor, "an object with a type")


def _single(template: dict[str, Any]) -> Template:
    sides: Template = ([], [])
    texts = 0
    for part in template["single"]:
        match part:
            case {"Sequence": {"id": "A"}}:
                texts += 1
            case {"SpecialToken": {"id": name}}:
                sides[min(texts, 1)].extend(template["special_tokens"][name]["ids"])
    if texts != 1:
        raise Unsupported("post_processor: 'single' must hold the text once")
    return sides
