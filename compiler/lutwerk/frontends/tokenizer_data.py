"""The tokenizer of a checkpoint, with the ids and rules that tokenizer.json does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from lutwerk.errors import CheckpointError
from lutwerk.frontends.config_fields import Fields, read_json_object


@dataclass(frozen=True)
class TokenizerData:
    """What a bundle stores (runtime/FORMAT.md, section TOKN).

    ``add_bos`` tells that ``bos`` must be put before an encoded prompt; it is False when the
    tokenizer does so itself. ``special_tokens`` are the texts that ``chat_template`` can name, such
    as ``bos_token``; None is a token that the tokenizer is said not to have.
    """

    tokenizer_json: str
    bos: int | None
    eos: tuple[int, ...]
    add_bos: bool
    chat_template: str | None
    special_tokens: Mapping[str, str | None] = field(default_factory=dict)


def read_tokenizer(directory: Path, config: Fields, vocab: int) -> TokenizerData:
    """Read tokenizer.json and its companions.

    Args:
        directory: A Hugging Face checkpoint.
        config: Its config.json.
        vocab: Tokens that the model knows; more than the tokenizer has is allowed.

    Raises:
        CheckpointError: A file is missing or not valid, or a token id is outside the vocabulary.
    """
    path = directory / "tokenizer.json"
    tokenizer = _load(path)
    largest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if largest < 0 or largest >= vocab:
        raise CheckpointError(
            f"{path}: token ids go up to {largest}, but 'vocab_size' in config.json is {vocab}; "
            "check that both files belong to the same model."
        )
    settings = _optional_fields(directory / "tokenizer_config.json")
    generation = _optional_fields(directory / "generation_config.json")

    def ids(kind: str) -> tuple[int, ...]:
        for fields in (generation, config):
            if fields.has(f"{kind}_token_id"):
                return _token_ids(fields, f"{kind}_token_id", vocab)
        token = _token_id_of_text(tokenizer, settings.raw(f"{kind}_token"))
        return () if token is None else (token,)

    bos = next(iter(ids("bos")), None)
    return TokenizerData(
        tokenizer_json=path.read_text(encoding="utf-8"),
        bos=bos,
        eos=ids("eos"),
        add_bos=_must_add_bos(tokenizer, settings, bos),
        chat_template=_chat_template(directory, settings),
        special_tokens=_special_tokens(directory),
    )


def _load(path: Path) -> Tokenizer:
    read_json_object(path)
    try:
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises nothing more specific
        raise CheckpointError(
            f"{path}: the tokenizers library cannot load it ({error}); download it again, "
            "or upgrade the library with 'pip install -U tokenizers'."
        ) from None


def _optional_fields(path: Path) -> Fields:
    return Fields(str(path), read_json_object(path) if path.exists() else {})


def _token_ids(fields: Fields, name: str, vocab: int) -> tuple[int, ...]:
    """One id or a list of them."""
    value = fields.raw(name)
    ids = value if isinstance(value, list) else [value]
    if not all(type(i) is int and 0 <= i < vocab for i in ids):
        raise fields.refuse(name, f"a token id from 0 to {vocab - 1}, or a list of them")
    return tuple(dict.fromkeys(ids))


def _token_id_of_text(tokenizer: Tokenizer, token: Any) -> int | None:
    """The id of a token that tokenizer_config.json gives as a text, or as an object with one."""
    text = token.get("content") if isinstance(token, dict) else token
    if not isinstance(text, str):
        return None
    token_id: int | None = tokenizer.token_to_id(text)
    return token_id


def _must_add_bos(tokenizer: Tokenizer, settings: Fields, bos: int | None) -> bool:
    if bos is not None and tokenizer.encode("a").ids[:1] == [bos]:
        return False
    # The Llama classes add it in code when tokenizer_config.json does not say.
    is_llama = str(settings.raw("tokenizer_class")).startswith("Llama")
    add = settings.boolean("add_bos_token", default=is_llama and bos is not None)
    if add and bos is None:
        raise CheckpointError(
            f"{settings.where}: 'add_bos_token' is true, but no file names a bos token; "
            "add 'bos_token_id' to config.json."
        )
    return add


def _special_tokens(directory: Path) -> dict[str, str | None]:
    """Texts of ``bos_token`` and its like, from special_tokens_map.json and tokenizer_config.json."""
    values: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        path = directory / name
        values |= read_json_object(path) if path.exists() else {}
    if str(values.get("tokenizer_class")).startswith("Llama"):
        # What these classes have when no file says otherwise.
        values = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"} | values
    texts = {
        name: value.get("content") if isinstance(value, dict) else value
        for name, value in values.items()
        if name.endswith("_token")
    }
    return {name: text for name, text in texts.items() if text is None or isinstance(text, str)}


def _chat_template(directory: Path, settings: Fields) -> str | None:
    """From chat_template.jinja, else from tokenizer_config.json: a text, or a list with names."""
    path = directory / "chat_template.jinja"
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path}: cannot be read ({error}); download it again.") from None
    value = settings.raw("chat_template")
    if isinstance(value, list):
        named = {t.get("name"): t.get("template") for t in value if isinstance(t, dict)}
        value = named.get("default")
    if value is not None and not isinstance(value, str):
        raise settings.refuse("chat_template", "a text, or a list of named texts")
    return value
